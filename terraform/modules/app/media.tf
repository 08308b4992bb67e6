# What providers' APIs gave for GET /media/{id}: a cache, so its loss costs a second look.
resource "google_storage_bucket" "media" {
  #checkov:skip=CKV_GCP_62: one account reads it; Cloud Audit Logs tell who else tried
  #checkov:skip=CKV_GCP_78: old versions of people's pictures are what must not be kept
  project                     = var.project
  name                        = "${var.project}-media"
  location                    = var.region
  force_destroy               = true
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  lifecycle_rule {
    condition {
      age = 1
    }
    action {
      type = "Delete"
    }
  }

  # What was deleted must be gone: these are people's pictures.
  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

# Copies of the files that messages bring. The hub alone decides how long they stay: no other copy of them exists once a
# provider's link has expired.
resource "google_storage_bucket" "files" {
  #checkov:skip=CKV_GCP_62: the services' accounts alone read it; Cloud Audit Logs tell who else tried
  #checkov:skip=CKV_GCP_78: what is deleted must be gone: these are people's pictures
  project                     = var.project
  name                        = "${var.project}-files"
  location                    = var.region
  force_destroy               = !var.protected
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  lifecycle_rule {
    condition {
      age = 1
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

# The state of WhatsApp sessions that the hub holds itself, sealed with keys in Secret Manager. Whoever unlinks an account
# has it gone at once.
resource "google_storage_bucket" "sessions" {
  #checkov:skip=CKV_GCP_62: one account reads it; Cloud Audit Logs tell who else tried
  #checkov:skip=CKV_GCP_78: an old state is of no use: WhatsApp's keys move on with every message
  project                     = var.project
  name                        = "${var.project}-sessions"
  location                    = var.region
  force_destroy               = !var.protected
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}
