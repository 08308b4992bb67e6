# What holds accounts' connections to their providers: a worker pool, which nobody calls. `tick` sets how many instances it
# has, from the number of accounts; each gives its accounts to the others when it is told to end.
resource "google_cloud_run_v2_worker_pool" "holders" {
  project             = var.project
  name                = local.holders
  location            = var.region
  deletion_protection = var.protected

  scaling {
    manual_instance_count = local.deployed["holders"].instances.min
  }

  template {
    labels          = { generation = tostring(var.generation) }
    service_account = google_service_account.function["holders"].email

    containers {
      image   = var.sockets_image
      command = ["python"]
      args    = ["-m", "infra.holders"]

      resources {
        limits = {
          cpu = tostring(local.deployed["holders"].cpu)
          # Each WhatsApp account is a process of its own.
          memory = "${512 + 100 * var.whatsapp_accounts}Mi"
        }
      }

      dynamic "env" {
        for_each = local.environments["holders"]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.mounted["holders"]
        content {
          name = env.value
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.deployment[env.value].secret_id
              version = "latest"
            }
          }
        }
      }
    }
  }

  # A release moves the instances, as it moves the traffic of services.
  lifecycle {
    ignore_changes = [client, client_version, instance_splits, scaling[0].manual_instance_count]
  }

  depends_on = [google_secret_manager_secret_iam_member.mounted]
}

locals {
  holders = "${var.prefix}-holders"
}
