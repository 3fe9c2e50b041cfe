# shellcheck shell=bash
# The clouds' identities out of the tokens that a pipeline signs for one job, for pipelines that
# have no actions of the clouds' own. Sourced, so that the variables stay. A token goes into a
# file that only this job's user reads, where each cloud's own credential chain looks for it.
#
#   AWS_ID_TOKEN    with AWS_ROLE_ARN and AWS_REGION
#   AZURE_ID_TOKEN  with AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_SUBSCRIPTION_ID
#   GCP_ID_TOKEN    with GCP_PROVIDER (projects/NUMBER/locations/global/workloadIdentityPools/...)
#                   and, unless the pool itself was granted the roles, GCP_SERVICE_ACCOUNT
identities=$(mktemp -d)

if [ -n "${AWS_ID_TOKEN:-}" ] && [ -n "${AWS_ROLE_ARN:-}" ]; then
  (umask 077 && printf '%s' "$AWS_ID_TOKEN" >"$identities/aws")
  export AWS_WEB_IDENTITY_TOKEN_FILE=$identities/aws
fi

if [ -n "${AZURE_ID_TOKEN:-}" ] && [ -n "${AZURE_CLIENT_ID:-}" ]; then
  (umask 077 && printf '%s' "$AZURE_ID_TOKEN" >"$identities/azure")
  export AZURE_FEDERATED_TOKEN_FILE=$identities/azure
fi

if [ -n "${GCP_ID_TOKEN:-}" ] && [ -n "${GCP_PROVIDER:-}" ]; then
  (umask 077 && printf '%s' "$GCP_ID_TOKEN" >"$identities/google")
  jq -n --arg provider "$GCP_PROVIDER" --arg account "${GCP_SERVICE_ACCOUNT:-}" --arg file "$identities/google" '
    { type: "external_account",
      audience: "//iam.googleapis.com/\($provider)",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: "https://sts.googleapis.com/v1/token",
      credential_source: { file: $file } }
    + if $account == "" then {} else
      { service_account_impersonation_url:
          "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\($account):generateAccessToken" }
      end' >"$identities/google.json"
  export GOOGLE_APPLICATION_CREDENTIALS=$identities/google.json
fi

unset AWS_ID_TOKEN AZURE_ID_TOKEN GCP_ID_TOKEN
