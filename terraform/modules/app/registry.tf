resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84: images hold no secrets, so Google's own keys do
  project       = var.project
  location      = var.region
  repository_id = var.prefix
  format        = "DOCKER"

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-what-a-rollback-needs"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "delete-the-rest"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.api]
}
