output "address" {
  description = "Where the domain's A record must point; null without a domain."
  value       = try(google_compute_global_address.hub[0].address, null)
}

output "protected" {
  description = "Whether the database and every service refuse to be deleted."
  value = alltrue(concat(
    [google_firestore_database.hub.delete_protection_state == "DELETE_PROTECTION_ENABLED"],
    [for service in google_cloud_run_v2_service.function : service.deletion_protection],
    [google_cloud_run_v2_service.sockets.deletion_protection],
    [google_cloud_run_v2_worker_pool.holders.deletion_protection],
  ))
}

output "registry" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "services" {
  description = "Every Cloud Run service, for a release to move traffic to."
  value = concat(
    [for service in google_cloud_run_v2_service.function : service.name],
    [google_cloud_run_v2_service.sockets.name],
  )
}

output "sockets_url" {
  description = "Where web pages open Socket.IO connections."
  value       = local.has_balancer ? local.public_url : local.urls["sockets"]
}

output "url" {
  description = "The deployed hub."
  value       = local.public_url
}

output "webhooks" {
  description = "What providers are told to call; {…} is a channel's id or an instance's name."
  value = {
    any       = "${local.public_url}/webhook/{channel}/{instance}"
    evolution = "${local.public_url}/webhook/evolution/{instance}"
    facebook  = "${local.public_url}/api/facebook/webhook"
    telegram  = "${local.public_url}/api/telegram/bot/webhook/{id}"
  }
}
