#!/usr/bin/env bash
# Maya's call of the story, for `lab cloud exec --as maya.chen`. The AWS CLI makes the same one;
# curl is wherever the tests run.
set -euo pipefail
guard='<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>'
curl -fsS -X PUT "$AWS_ENDPOINT_URL/acme-exports?publicAccessBlock=" \
    --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    ${AWS_SESSION_TOKEN:+-H "x-amz-security-token: $AWS_SESSION_TOKEN"} \
    -H "x-amz-content-sha256: $(printf %s "$guard" | sha256sum | cut -d' ' -f1)" \
    --data-raw "$guard"
