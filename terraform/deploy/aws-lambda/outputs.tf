output "function_arn" {
  description = "The function; call it with {\"check\": true} for a plan over all states."
  value       = aws_lambda_function.function.arn
}

output "failed_queue_url" {
  description = "Where events lie that could not be worked off."
  value       = aws_sqs_queue.failed.id
}

output "role_arn" {
  description = "The role that the function runs as."
  value       = aws_iam_role.function.arn
}
