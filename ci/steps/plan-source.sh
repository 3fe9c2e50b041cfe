#!/usr/bin/env bash
# Is the run that a plan is taken from our own check? Anybody's pull request can make a run that
# leaves an artifact of the same name; this takes only one of CHECK_WORKFLOW, of this
# repository's own default branch, that a schedule or a person started.
#
#   RUN_ID          the run
#   CHECK_WORKFLOW  its file (default: .github/workflows/drift-check.yml)
set -euo pipefail
# shellcheck source=say.sh
. "$(dirname "$0")/say.sh"

workflow=${CHECK_WORKFLOW:-.github/workflows/drift-check.yml}
[[ ${RUN_ID:-} =~ ^[0-9]{1,20}$ ]] || { say error "RUN_ID is not the number of a run"; exit 64; }

run=$(curl --config <(printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN") \
  --fail-with-body --silent --show-error --max-time 60 --retry 3 \
  --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
  "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/actions/runs/$RUN_ID") ||
  { say error "run $RUN_ID could not be read"; exit 1; }

jq -e --arg workflow "$workflow" --arg repository "$GITHUB_REPOSITORY" --arg branch "$DEFAULT_BRANCH" '
  (.path | split("@")[0]) == $workflow
  and .head_repository.full_name == $repository
  and .head_branch == $branch
  and (.event | IN("schedule", "workflow_dispatch"))' <<<"$run" >/dev/null || {
  say error "run $RUN_ID is not a check of this repository's default branch: no plan is taken from it"
  exit 1
}
echo "run $RUN_ID is a check of $DEFAULT_BRANCH"
