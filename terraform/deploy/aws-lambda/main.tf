# A bad call is mended seconds after it was made: CloudTrail's events by way of EventBridge and
# a queue to the function, and what it cannot do to a second queue that an alarm watches.

data "aws_partition" "here" {}
data "aws_region" "here" {}
data "aws_caller_identity" "here" {}

locals {
  # What each kind takes and which calls change it, as the program itself says; a test holds the
  # file to it.
  known  = jsondecode(file("${path.module}/kinds.json"))
  events = sort(distinct(flatten([for k in var.kinds : local.known[k].events])))

  ledger = { bucket = split("/", var.ledger)[2], prefix = join("/", slice(split("/", var.ledger), 3, length(split("/", var.ledger)))) }

  # A bucket's own name, and what a key's wildcards mean as IAM writes them.
  states = [for s in var.states : {
    bucket = split("/", s)[2]
    key    = replace(join("/", slice(split("/", s), 3, length(split("/", s)))), "/\\*+/", "*")
  }]
  arn = "arn:${data.aws_partition.here.partition}"

  # Only in an account's own region do events and function meet; IAM's are told in one alone.
  sources = distinct([for k in var.kinds : startswith(k, "aws_iam_") ? "aws.iam" : "aws.s3"])
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_lambda_function" "function" {
  function_name                  = var.name
  description                    = "Mends what somebody changed and a Terraform state wants otherwise."
  role                           = aws_iam_role.function.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.zip
  source_code_hash               = try(filebase64sha256(var.zip), null)
  timeout                        = var.timeout
  memory_size                    = var.memory
  reserved_concurrent_executions = var.concurrency == null ? -1 : var.concurrency
  tags                           = var.tags

  environment {
    variables = merge(
      {
        LAB_STATES = join(",", var.states)
        LAB_LEDGER = var.ledger
        LAB_KINDS  = join(",", sort(var.kinds))
        LAB_TARGET = var.target
        LAB_APPLY  = tostring(var.apply)
      },
      var.policy == null ? {} : { LAB_POLICY = var.policy },
    )
  }

  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.remediation, aws_iam_role_policy.service]
}

resource "aws_sqs_queue" "failed" {
  name                      = "${var.name}-failed"
  message_retention_seconds = 1209600 # the longest: somebody has to look
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue" "events" {
  name                      = "${var.name}-events"
  message_retention_seconds = 86400
  sqs_managed_sse_enabled   = true
  # Lambda Developer Guide, "Configuring a queue to use with Lambda": six times the function's
  # timeout. It is longer than an unfinished change is left to whoever began it.
  visibility_timeout_seconds = max(6 * var.timeout, 180)
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "failed" {
  queue_url = aws_sqs_queue.failed.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events.arn]
  })
}

# Nobody but these rules puts an event into the queue.
resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.events.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = aws_cloudwatch_event_rule.changes.arn }
          StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.here.account_id }
        }
      },
    ]
  })
}

# CloudTrail's management events reach EventBridge where a trail logs them (EventBridge User
# Guide, "AWS service events delivered via AWS CloudTrail").
resource "aws_cloudwatch_event_rule" "changes" {
  name        = "${var.name}-changes"
  description = "Calls that change what ${var.name} looks after."
  tags        = var.tags
  event_pattern = jsonencode({
    source      = local.sources
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventName = local.events
      # A refused call changed nothing.
      errorCode = [{ exists = false }]
    }
  })
}

resource "aws_cloudwatch_event_target" "changes" {
  rule = aws_cloudwatch_event_rule.changes.name
  arn  = aws_sqs_queue.events.arn
}

resource "aws_lambda_event_source_mapping" "events" {
  event_source_arn        = aws_sqs_queue.events.arn
  function_name           = aws_lambda_function.function.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  dynamic "scaling_config" {
    for_each = var.concurrency == null ? [] : [var.concurrency]
    content {
      maximum_concurrency = max(2, scaling_config.value - 1) # one is left for the check
    }
  }
}

resource "aws_cloudwatch_event_rule" "check" {
  count               = var.check_schedule == null ? 0 : 1
  name                = "${var.name}-check"
  description         = "The whole of the states is checked and planned; nothing is changed."
  schedule_expression = var.check_schedule
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "check" {
  count = var.check_schedule == null ? 0 : 1
  rule  = aws_cloudwatch_event_rule.check[0].name
  arn   = aws_lambda_function.function.arn
  input = jsonencode({ check = true })
}

resource "aws_lambda_permission" "check" {
  count         = var.check_schedule == null ? 0 : 1
  statement_id  = "CheckOnSchedule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.check[0].arn
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${var.name}-failed"
  alarm_description   = "Events that could not be worked off lie in ${var.name}-failed. Read the function's log, mend what is in the way, and start a redrive."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.failed.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors"
  alarm_description   = "The function itself fails: it cannot start, or runs out of time or memory."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.function.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${var.name}-waiting"
  alarm_description   = "Events wait longer than a quarter of an hour."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.events.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
