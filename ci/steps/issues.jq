# A drift report as the issues that should be open: one per state, an array of
# { state, marker, title, body, findings }. Pure: the same report gives the same text, so an
# issue is only written to when something is different. $unmanaged: whether the check also asked
# for what no state manages, as LAB_UNMANAGED says it.
#
# The body's first two lines are for the next run: which state this is, and each finding with
# what was seen of it. Names in it are other people's text: they stand in code spans, where
# nothing is a link, a mention or a tag.
def code($max): tostring | gsub("[\\x00-\\x1f\\x7f`|]"; " ")
  | if length > $max then .[:$max] + "..." else . end | "`" + . + "`";
def value: if . == null then "nothing" else code(120) end;
def rank: {critical: 0, high: 1, medium: 2, low: 3, info: 4}[.severity];
def print: .fingerprint[7:19] + ":" + .change_digest[7:15];

def change:
  "  - \(.path | code(80)): " +
  if .sensitive then "changed (a secret, not shown)"
  elif (.summary // []) != [] then [.summary[:5][] | code(160)] | join(", ")
  else "\(.desired | value) is now \(.live | value)" end;
def who: .attribution
  | (if .status == "candidates" then "one of several: " else "" end) as $one
  | .events[:3][]
  | "  - \($one)\(.principal.name // "somebody" | code(120)), \(.operation | code(80)) at \(.time | code(40))";
def finding:
  "- **\(.severity)** \(.address // .native_id | code(160)), \(.status): \(.why | code(300))",
  (.attributes[:8][] | change),
  ( select(.attribution.status == "attributed" or .attribution.status == "candidates") | who );

. as $report
# What was looked at is here even with no finding: its issue can be closed.
| ( [.states[].source] + [.findings[].state // ""]
    + (if $unmanaged | IN("1", "true", "yes", "on") then [""] else [] end) | unique )
| map(. as $state
  | [ $report.findings[] | select((.state // "") == $state) ] | sort_by(rank, .fingerprint)
  | . as $found
  | ($found | group_by(rank) | map("\(length) \(.[0].severity)") | join(", ")) as $counts
  | (if $state == "" then "what no state manages" else $state end) as $name
  | { state: $state,
      marker: "<!-- cloud-security-lab drift-check \("\($report.target)\n\($state)" | @base64) -->",
      findings: [ $found[:500][] | print ],
      title: "Drift (\($report.target)): \($name | if length > 120 then "..." + .[-120:] else . end)",
      text: (
        [ "\($counts) in \($name | code(300)), target \($report.target | code(80)).",
          "",
          ( [ $found[:50][] | [finding] | join("\n") ] | reduce .[] as $one ({text: [], size: 0};
              # GitHub takes 65,536 characters a body; what does not fit is counted below.
              if .size + ($one | length) < 45000
              then { text: (.text + [$one]), size: (.size + ($one | length) + 1) } else . end)
            | .text as $text
            | ($text | join("\n")),
              ( select(($found | length) > ($text | length))
              | "", "\(($found | length) - ($text | length)) more are in the run's report." ) ),
          "",
          ( "This issue is kept by the drift check: it is written to when the findings change, and "
            + "closed by the first complete check that finds nothing." )
        ] | join("\n") ) }
  | . + { body: "\(.marker)\n<!-- findings \(.findings | join(" ")) -->\n\(.text)" }
  | del(.text))
