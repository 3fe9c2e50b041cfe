resource "aws_iam_role" "function" {
  name                 = var.name
  description          = "What ${var.name} may do: read and change what it looks after, read states, keep its record."
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# What the program itself calls. A test runs it under exactly this policy, and fails for each
# action that is taken away.
resource "aws_iam_role_policy" "remediation" {
  name = "remediation"
  role = aws_iam_role.function.id
  policy = templatefile("${path.module}/policy.json.tftpl", {
    read           = jsonencode(sort(distinct(flatten([for k in var.kinds : local.known[k].read]))))
    update         = jsonencode(sort(distinct(flatten([for k in var.kinds : local.known[k].update]))))
    list_buckets   = jsonencode(distinct([for s in local.states : "${local.arn}:s3:::${s.bucket}"]))
    objects        = jsonencode(distinct(concat(local.state_objects, local.policy_objects)))
    ledger_bucket  = jsonencode("${local.arn}:s3:::${local.ledger.bucket}")
    ledger_keys    = jsonencode("${local.ledger.prefix}/*")
    ledger_objects = jsonencode("${local.arn}:s3:::${local.ledger.bucket}/${local.ledger.prefix}/*")
  })
}

locals {
  # Beside a state lies Terraform's lock on it: what is locked is not changed.
  state_objects = flatten([for s in local.states : [
    "${local.arn}:s3:::${s.bucket}/${s.key}", "${local.arn}:s3:::${s.bucket}/${s.key}.tflock",
  ]])
  policy_objects = var.policy == null ? [] : ["${local.arn}:s3:::${trimprefix(var.policy, "s3://")}"]
}

# What Lambda itself does in the role's name; the program calls none of it.
# - the queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
# - the log:   https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
#   (without logs:CreateLogGroup: the group is made here)
resource "aws_iam_role_policy" "service" {
  name = "service"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "PollTheQueue"
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = aws_sqs_queue.events.arn
        },
        {
          Sid      = "WriteTheLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.function.arn}:*"
        },
      ],
      # S3 asks KMS in the name of whoever reads and writes:
      # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
      length(var.kms_key_arns) == 0 ? [] : [
        {
          Sid       = "DecryptThroughS3"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = var.kms_key_arns
          Condition = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.here.name}.amazonaws.com" } }
        },
      ],
    )
  })
}
