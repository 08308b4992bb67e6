resource "google_cloud_scheduler_job" "schedule" {
  for_each = local.schedules

  project          = var.project
  region           = var.region
  name             = "${var.prefix}-${each.key}"
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "${each.value.timeout}s"

  # The next minute does what this one could not.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = google_cloud_run_v2_service.function[each.key].uri

    oidc_token {
      audience              = local.audiences[each.key]
      service_account_email = google_service_account.scheduler.email
    }
  }

  depends_on = [google_project_service.api]
}
