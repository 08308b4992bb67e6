# What a new project has to have switched on before anything else can be made in it.
resource "google_project_service" "api" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudtrace.googleapis.com",
    "compute.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
  ])

  project = var.project
  service = each.key

  # Other things in the project may need them.
  disable_on_destroy = false
}

# Without waiting for the services: else every plan would tell addresses as unknown.
data "google_project" "this" {
  project_id = var.project
}
