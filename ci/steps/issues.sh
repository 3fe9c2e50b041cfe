#!/usr/bin/env bash
# One issue per state with drift: opened with the first finding, written to when the findings are
# others, closed by a complete check that finds nothing. Running it again changes nothing.
#
# Reads DRIFT_DIR/drift.json; talks to GITHUB_API_URL as GITHUB_TOKEN about GITHUB_REPOSITORY.
# DRIFT_ISSUE_LABEL (default: drift) marks the issues. It is also what keeps a stranger's issue
# out: whoever may open one may write our marker into it, but may not set a label.
set -euo pipefail
# shellcheck source=say.sh
. "$(dirname "$0")/say.sh"

report=${DRIFT_DIR:-drift}/drift.json
label=${DRIFT_ISSUE_LABEL:-drift}
# GitHub slows down whoever writes much at once; what is left is opened by the next run.
most_new=${DRIFT_MAX_NEW_ISSUES:-20}
issues=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues
run=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The token reaches curl in a file descriptor, so that no list of processes shows it. Only what
# asks is tried again: a write whose answer was lost may have happened.
call() {
  local method=$1 url=$2
  shift 2
  [ "$method" != GET ] || set -- --retry 3 "$@"
  curl --config <(printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN") \
    --fail-with-body --silent --show-error --max-time 60 --request "$method" \
    --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
    "$@" "$url" || { say error "$method ${url%%\?*} failed" >&2; return 1; }
}

send() {
  call "$1" "$2" --header 'Content-Type: application/json' --data-binary "@$3" >"$work/answer"
}

# Everything open that bears the label; pull requests are listed among issues.
page=1
echo '[]' >"$work/open"
while :; do
  call GET "$issues?state=open&labels=$(jq -rn --arg l "$label" '$l | @uri')&per_page=100&page=$page" \
    >"$work/page"
  jq -s '.[0] + [.[1][] | select(.pull_request == null)
    | {number, title, body: ((.body // "") | gsub("\r\n"; "\n"))}]' \
    "$work/open" "$work/page" >"$work/both"
  mv "$work/both" "$work/open"
  [ "$(jq length "$work/page")" = 100 ] && [ "$page" -lt 50 ] || break
  page=$((page + 1))
done

complete=$(jq '(.partial | not) and .unknown == [] and .errors == []' "$report")
jq --arg unmanaged "${LAB_UNMANAGED:-}" -f "$(dirname "$0")/issues.jq" "$report" >"$work/wanted"

# Each wanted issue beside the open ones of its marker, the oldest first; a marker counts at the
# beginning of a body only, where no foreign text can stand.
jq -c --slurpfile open "$work/open" '.[] | .marker as $m
  | . + {open: [$open[0][] | select(.body | startswith($m))] | sort_by(.number)}' \
  "$work/wanted" >"$work/pairs"

opened=0 updated=0 closed=0 same=0 left=0
comment() {
  jq -n --arg body "$2" '{body: $body}' >"$work/comment"
  send POST "$issues/$1/comments" "$work/comment"
}
close() {
  comment "$1" "$2"
  jq -n --arg reason "$3" '{state: "closed", state_reason: $reason}' >"$work/close"
  send PATCH "$issues/$1" "$work/close"
}

while read -r pair; do
  number=$(jq -r '.open[0].number // empty' <<<"$pair")
  found=$(jq '.findings | length' <<<"$pair")

  # Two runs at once, or an answer that was lost: one is kept.
  for other in $(jq -r '.open[1:][].number' <<<"$pair"); do
    close "$other" "The same as #$number." not_planned
    closed=$((closed + 1))
  done

  if [ "$found" = 0 ]; then
    [ -n "$number" ] || continue
    if [ "$complete" = true ]; then
      close "$number" "[The check]($run) read everything and found nothing here." completed
      closed=$((closed + 1))
    else
      echo "#$number stays open: the check is incomplete, so nothing found is no proof"
      same=$((same + 1))
    fi
  elif [ -z "$number" ]; then
    if [ "$opened" -ge "$most_new" ]; then
      left=$((left + 1))
      continue
    fi
    jq --arg name "$label" '{title, body, labels: [$name]}' <<<"$pair" >"$work/new"
    send POST "$issues" "$work/new"
    opened=$((opened + 1))
  elif jq -e '.open[0].body == .body and .open[0].title == .title' <<<"$pair" >/dev/null; then
    same=$((same + 1))
  else
    # A changed body tells nobody; a comment does, where the findings themselves are others.
    words=$(jq -r --argjson complete "$complete" '
      (.open[0].body | split("\n")[1] // "" | capture("^<!-- findings (?<list>.*) -->$").list // ""
        | split(" ")) as $before
      | .findings as $now
      | ($before | map(split(":")[0])) as $known
      | ($now | map(split(":")[0])) as $here
      | [ ($here - $known | length | select(. > 0) | "\(.) new"),
          ([$now - $before | .[] | split(":")[0] | select(IN($known[]))] | length
            | select(. > 0) | "\(.) changed again"),
          (select($complete) | $known - $here | length | select(. > 0) | "\(.) no longer there") ]
      | join(", ")' <<<"$pair")
    if [ "$complete" != true ]; then
      # What an incomplete check does not list may be there still: nothing is taken out by it.
      if [ -z "$words" ]; then
        same=$((same + 1))
        continue
      fi
      words+="; the check was incomplete, so what it does not list may be there still"
    fi
    jq '{title, body}' <<<"$pair" >"$work/new"
    send PATCH "$issues/$number" "$work/new"
    [ -z "$words" ] || comment "$number" "[The check]($run): $words."
    updated=$((updated + 1))
  fi
done <"$work/pairs"

# Of a state that is no longer read nothing is known, so its issue is left to a person.
gone=$(jq --slurpfile wanted "$work/wanted" '[.[]
  | select(.body | startswith("<!-- cloud-security-lab drift-check "))
  | select(.body as $b | [$wanted[0][].marker] | any(. as $m | $b | startswith($m)) | not)
  | .number | "#\(.)"] | join(" ")' -r "$work/open")
[ -z "$gone" ] || say warning "of states that this check did not read: $gone"
[ "$left" = 0 ] || say warning "$left issues not opened: $most_new a run"
echo "issues: $opened opened, $updated updated, $closed closed, $same as they were"
