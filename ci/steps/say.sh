# shellcheck shell=bash
# How a step talks to the pipeline that runs it: GitHub Actions, Azure Pipelines, or any other.
# Sourced by the steps, never run.

# A line that the pipeline shows apart: say error|warning|notice TEXT
say() {
  local kind=$1 text=$2
  if [ -n "${GITHUB_ACTIONS:-}" ]; then
    text=${text//'%'/%25}
    text=${text//$'\r'/%0D}
    printf '::%s::%s\n' "$kind" "${text//$'\n'/%0A}"
  elif [ -n "${TF_BUILD:-}" ] && [ "$kind" != notice ]; then
    text=${text//'%'/%AZP25}
    text=${text//$'\r'/%0D}
    printf '##vso[task.logissue type=%s]%s\n' "$kind" "${text//$'\n'/%0A}"
  else
    printf '%s: %s\n' "$kind" "$text"
  fi
}

# A value for later steps and jobs: hand_on NAME VALUE. Only our own words and numbers.
hand_on() {
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
  elif [ -n "${TF_BUILD:-}" ]; then
    printf '##vso[task.setvariable variable=%s;isOutput=true]%s\n' "$1" "$2"
  else
    printf '%s=%s\n' "$1" "$2"
  fi
}

# A page of Markdown on the run's own page: summary FILE
summary() {
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    cat "$1" >>"$GITHUB_STEP_SUMMARY"
  elif [ -n "${TF_BUILD:-}" ]; then
    printf '##vso[task.uploadsummary]%s\n' "$(realpath "$1")"
  fi
}

# Runs a command whose messages may quote names that somebody else chose. A pipeline takes
# commands out of the log (`::error::`, `##vso[...]`): a resource of that name gives none.
quoted() {
  local code=0
  { "$@" 2>&1 || code=$?; } > >(sed -e 's/##\(vso\)\{0,1\}\[/# #\1[/g' -e 's/^\([[:space:]]*\)::/\1: :/')
  wait $! || true
  return "$code"
}
