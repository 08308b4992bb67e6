# Deployment-wide secrets. Their values are put in by hand (terraform/README.md), so that no state file ever holds one; the secrets of
# tenants, `instance-…` and `forge-…`, are made by the hub itself.

locals {
  deployment_secrets = toset(flatten([for row in values(local.table.functions) : row.secrets]))
}

resource "google_secret_manager_secret" "deployment" {
  for_each = local.deployment_secrets

  project   = var.project
  secret_id = each.key

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]

  lifecycle {
    precondition {
      condition     = length(setsubtract(var.secrets, local.deployment_secrets)) == 0
      error_message = "No function asks for ${join(", ", setsubtract(var.secrets, local.deployment_secrets))}."
    }
  }
}
