#!/usr/bin/env bash
# Real Terraform with the real AWS provider on a local cloud: apply terraform/environments/aws,
# plan again and find nothing to do, let lab find no drift, destroy.
# The environment is that of `lab cloud exec`. Needs terraform and the provider's binary.
set -euo pipefail

command -v terraform >/dev/null || { echo "terraform is not installed"; exit 77; }
# The provider is taken from the machine: the registry is no part of the lab.
binary=$(find /opt /usr/local/share /usr/share ~/.terraform.d -type f -name 'terraform-provider-aws_v5*' 2>/dev/null | head -1 || true)
[ -n "$binary" ] || { echo "no binary of the AWS provider 5.x on this machine"; exit 77; }
mirror=${binary%/registry.terraform.io/*}

: "${LAB_ROOT:?run by tests/foreign/run-all}" "${LAB_BIN:?}" "${LAB_DATA:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$LAB_ROOT"/terraform/environments/aws/*.tf "$work/"
cd "$work"
export TF_IN_AUTOMATION=1 TF_CLI_ARGS=-no-color CHECKPOINT_DISABLE=1 TF_CLI_CONFIG_FILE=/dev/null
fail() { echo "terraform: $*" >&2; exit 1; }

terraform init -input=false -plugin-dir="$mirror" >init.txt 2>&1 || { cat init.txt; fail "init"; }
terraform apply -input=false -auto-approve >apply.txt 2>&1 || { tail -40 apply.txt; fail "apply"; }
grep -q 'Apply complete!' apply.txt || fail "apply did not complete"

code=0
terraform plan -input=false -detailed-exitcode >plan.txt 2>&1 || code=$?
[ $code = 0 ] || { cat plan.txt; fail "a plan straight after wants changes (exit $code)"; }

code=0
"$LAB_BIN" run drift-check --state terraform.tfstate --target local >drift.txt 2>&1 || code=$?
[ $code = 0 ] || { cat drift.txt; fail "drift straight after an apply (exit $code)"; }

terraform destroy -input=false -auto-approve >destroy.txt 2>&1 || { tail -40 destroy.txt; fail "destroy"; }
grep -q 'Destroy complete!' destroy.txt || fail "destroy did not complete"
echo "terraform: $(grep 'Apply complete!' apply.txt)"
