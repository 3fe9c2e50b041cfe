# A remediation plan as a page of Markdown. Foreign text stands in code spans, where nothing is
# a link, a mention or a tag.
def code($max): tostring | gsub("[\\x00-\\x1f`|]"; " ")
  | if length > $max then .[:$max] + "..." else . end | "`" + . + "`";
def value: if . == null then "-" else code(80) end;

(.actions | group_by(.decision) | map("\(length) \(.[0].decision)") | join(", ")) as $counts
| "## Remediation plan \(.hash[7:15] | code(8)): \(if .actions == [] then "nothing to do" else $counts end)",
  "",
  "Target \(.target | code(60)), hash \(.hash | code(80))",
  ( select(.actions != [])
  | "",
    "| Action | Decision | State | Resource | Change |",
    "| --- | --- | --- | --- | --- |",
    ( .actions[:100][]
    | "| \(.id | code(20)) | \(.decision) | \(.state) | \(.address // .native_id | code(120))<br>\(.remedy) | \(
        [.changes[:5][]? | "\(.path | code(60)): \(.from | value) to \(.to | value)"] | join("<br>")) |" ),
    ( select((.actions | length) > 100) | "", "\((.actions | length) - 100) more are in the file." ) )
