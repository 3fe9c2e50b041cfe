variable "name" {
  description = "Name of the function, and the beginning of the names of what belongs to it."
  type        = string
  default     = "cloud-security-lab-remediation"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,47}$", var.name))
    error_message = "3 to 48 lowercase letters, digits and dashes, beginning with a letter."
  }
}

variable "zip" {
  description = "Path of the archive that `cargo xtask dist` writes: target/dist/remediation-lambda-x86_64.zip."
  type        = string

  validation {
    condition     = endswith(var.zip, ".zip")
    error_message = "Give the path of a .zip."
  }
}

variable "architecture" {
  description = "What the archive was built for."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "x86_64 or arm64."
  }
}

variable "states" {
  description = "The Terraform states that say what is wanted: s3://BUCKET/KEY; a key may hold wildcards."
  type        = list(string)

  validation {
    condition     = length(var.states) > 0
    error_message = "Name at least one state."
  }
  validation {
    condition     = alltrue([for s in var.states : can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^,]+$", s))])
    error_message = "Each state is s3://BUCKET/KEY, without a comma in the key."
  }
}

variable "ledger" {
  description = "Where the record is kept: s3://BUCKET/PREFIX. The bucket must be there; nothing in it is ever overwritten or deleted by the function."
  type        = string

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9][A-Za-z0-9/_.-]*[A-Za-z0-9]$", var.ledger))
    error_message = "Give s3://BUCKET/PREFIX, without a slash at its end."
  }
}

variable "policy" {
  description = "The remediation policy, s3://BUCKET/KEY of a remediation.toml; null for the built-in rules."
  type        = string
  default     = null

  validation {
    condition     = var.policy == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^*?,]+$", var.policy))
    error_message = "Give s3://BUCKET/KEY of one object."
  }
}

variable "apply" {
  description = "Whether anything is changed. Leave it false until the plans in the ledger are what you want."
  type        = bool
  default     = false
}

variable "kinds" {
  description = "What is looked after; the role may read and change these and nothing else."
  type        = set(string)
  default     = ["aws_s3_bucket_policy", "aws_s3_bucket_public_access_block", "aws_s3_bucket_versioning"]

  validation {
    condition     = length(var.kinds) > 0
    error_message = "Name at least one kind."
  }
  validation {
    condition = length(setsubtract(var.kinds, [
      "aws_iam_access_key", "aws_iam_user", "aws_s3_bucket", "aws_s3_bucket_policy",
      "aws_s3_bucket_public_access_block", "aws_s3_bucket_versioning",
    ])) == 0
    error_message = "Only kinds that kinds.json lists."
  }
}

variable "target" {
  description = "Name of the target in plans; the same as in lab.toml where a plan is to be approved and applied elsewhere."
  type        = string
  default     = "lambda"
}

variable "concurrency" {
  description = "How many events are worked at beside each other at most; null takes from the account's own."
  type        = number
  default     = 5

  validation {
    condition     = var.concurrency == null || try(var.concurrency >= 2, false)
    error_message = "At least 2, or null: below that a queue cannot be served."
  }
}

variable "timeout" {
  description = "Seconds for one call of the function."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout >= 20 && var.timeout <= 900
    error_message = "20 to 900 seconds."
  }
}

variable "memory" {
  description = "Megabytes of memory. Processing power comes with it."
  type        = number
  default     = 512

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "128 to 10240 MB."
  }
}

variable "log_retention_days" {
  description = "How long the function's log is kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "One of the numbers of days that CloudWatch Logs takes."
  }
}

variable "check_schedule" {
  description = "When the whole of the states is checked and planned, changing nothing: a schedule expression of EventBridge; null for never."
  type        = string
  default     = "rate(1 day)"

  validation {
    condition     = var.check_schedule == null || can(regex("^(rate|cron)\\(.+\\)$", var.check_schedule))
    error_message = "rate(...) or cron(...)."
  }
}

variable "alarm_actions" {
  description = "ARNs that are told of an alarm, an SNS topic for instance."
  type        = list(string)
  default     = []
}

variable "kms_key_arns" {
  description = "Keys under which states, ledger or policy are encrypted, where it is not S3's own."
  type        = list(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of a boundary for the role; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
