# The container that holds web pages' connections open: Socket.IO and WebSockets. It never scales to zero, and has its
# processor between requests too.
resource "google_cloud_run_v2_service" "sockets" {
  project             = var.project
  name                = "${var.prefix}-sockets"
  location            = var.region
  ingress             = local.ingress["sockets"]
  custom_audiences    = [local.audiences["sockets"]]
  deletion_protection = var.protected

  template {
    labels                           = { generation = tostring(var.generation) }
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = local.deployed["sockets"].concurrency
    service_account                  = google_service_account.function["sockets"].email
    # Socket.IO may begin by polling, and then every request belongs to the same instance.
    session_affinity = true
    timeout          = "${local.deployed["sockets"].timeout}s"

    scaling {
      max_instance_count = local.deployed["sockets"].instances.max
      min_instance_count = local.deployed["sockets"].instances.min
    }

    containers {
      image = var.sockets_image

      ports {
        container_port = 8080
      }

      resources {
        cpu_idle          = false
        startup_cpu_boost = true
        limits = {
          cpu    = tostring(local.deployed["sockets"].cpu)
          memory = local.deployed["sockets"].memory
        }
      }

      startup_probe {
        failure_threshold = 30
        period_seconds    = 1
        timeout_seconds   = 1
        tcp_socket {
          port = 8080
        }
      }

      liveness_probe {
        period_seconds  = 30
        timeout_seconds = 10
        http_get {
          path = "/health/live"
        }
      }

      dynamic "env" {
        for_each = local.environments["sockets"]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.mounted["sockets"]
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

  lifecycle {
    ignore_changes = [client, client_version, traffic]
  }

  depends_on = [google_secret_manager_secret_iam_member.mounted]
}
