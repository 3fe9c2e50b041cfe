# A remediation plan, as made or as applied, as a page of Markdown. Foreign text stands in code
# spans, where nothing is a link, a mention or a tag.
def code($max): tostring | gsub("[\\x00-\\x1f\\x7f`|]"; " ")
  | if length > $max then .[:$max] + "..." else . end | "`" + . + "`";
def value: if . == null then "nothing" else code(80) end;
def change: "\(.path | code(60)): " +
  if (.summary // []) != [] then [.summary[:3][] | code(120)] | join(", ")
  else "\(.from | value) to \(.to | value)" end;
def counts: group_by(.) | map("\(length) \(.[0])") | join(", ");

([.actions[].decision] | counts) as $decisions
| ([.actions[].state | select(. != "planned")] | counts) as $states
| "## Remediation plan \(.hash[7:15] | code(8)): \(
    if .actions == [] then "nothing to do" else $decisions end)\(
    if $states == "" then "" else "; " + $states end)",
  "",
  "Target \(.target | code(60)), hash \(.hash | code(80))\(
    if .ledger then ", ledger \(.ledger.entries) entries, head \(.ledger.hash | code(80))" else "" end)",
  ( select(.actions != [])
  | "",
    "| Action | Decision | State | Resource | Change |",
    "| --- | --- | --- | --- | --- |",
    ( .actions[:100][]
    | "| \(.id | code(20)) | \(.decision): \(.reason | code(200)) | \(.state)\(
        if .outcome then ": " + (.outcome | code(200)) else "" end) | \(
        .address // .native_id | code(120))<br>\(.remedy) | \([.changes[:5][] | change] | join("<br>")) |" ),
    ( select((.actions | length) > 100) | "", "\((.actions | length) - 100) more are in the file." ) ),
  ( (.without_remedy // []) | length | select(. > 0) | "", "\(.) more findings have no remedy here." ),
  ( .held_back.count | select(. > 0) | "", "Held back by the limits of a run: \(.)." ),
  ( select(.partial or .unknown > 0)
  | "", "The plan covers only what could be read: \(.unknown) unknown." )
