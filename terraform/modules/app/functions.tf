# One Cloud Run service for each row of the functions' table that has this front; the container is in sockets.tf, the worker
# pool in holders.tf.

locals {
  table = yamldecode(file("${path.module}/../../../functions/functions.yaml"))

  # Only what this front deploys: the hub stands for all dialects, or they for themselves.
  deployed  = { for name, row in local.table.functions : name => row if contains(row.fronts, var.front) }
  functions = { for name, row in local.deployed : name => row if !contains(["container", "worker"], row.kind) }
  events    = { for name, row in local.deployed : name => row if row.kind == "event" }
  schedules = { for name, row in local.deployed : name => row if row.kind == "schedule" }
  public    = { for name, row in local.deployed : name => row if row.public }

  # Cloud Run gives each service this address too, and it is known before the service is there.
  urls = {
    for name in keys(local.deployed) :
    name => "https://${var.prefix}-${name}-${data.google_project.this.number}.${var.region}.run.app"
  }
  public_url = local.has_balancer ? "https://${var.domain}" : local.urls["hub"]

  # What tokens of Pub/Sub and Cloud Scheduler must be made out to. Not an address: the service would have to know its
  # own before it exists.
  audiences = { for name in keys(local.deployed) : name => "${var.prefix}-${name}" }
  callers = {
    for name, row in local.deployed :
    name => row.kind == "schedule" ? google_service_account.scheduler.email : google_service_account.push.email
  }

  ingress = {
    for name, row in local.deployed : name => (
      # Pub/Sub and Cloud Scheduler of the same project count as internal.
      !row.public ? "INGRESS_TRAFFIC_INTERNAL_ONLY" :
      # Nobody gets around the load balancer and its rate limits.
      local.has_balancer ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_ALL"
    )
  }

  environments = {
    for name, row in local.deployed : name => merge(
      {
        BACKEND              = "google"
        ENVIRONMENT          = "production"
        FIRESTORE_DATABASE   = google_firestore_database.hub.name
        GOOGLE_CLOUD_PROJECT = var.project
        PUBLIC_URL           = local.public_url
        PUSH_AUDIENCE        = local.audiences[name]
        # Of a service that is not public Cloud Run checks the token itself, and takes the signature away.
        PUSH_CHECKED_BY      = row.public ? "hub" : "cloud_run"
        PUSH_SERVICE_ACCOUNT = local.callers[name]
        # Google's front end adds an address to X-Forwarded-For, and the load balancer another.
        TRUSTED_PROXIES = local.has_balancer ? "2" : "1"
      },
      contains(["container", "worker"], row.kind) ? {} : {
        FUNCTION_SOURCE = "functions/${name}/main.py"
        FUNCTION_TARGET = "handler"
        # As many as requests come at a time, so that none waits for a thread.
        THREADS = tostring(row.concurrency)
      },
      try(row.roles.media, false) ? { MEDIA_BUCKET = google_storage_bucket.media.name } : {},
      # Who stores messages only asks whether there is a bucket: then it orders the copies that others make.
      { FILES_BUCKET = google_storage_bucket.files.name },
      # Who makes a channel only asks whether there is a bucket: then the sockets can hold a WhatsApp account.
      var.whatsapp_accounts > 0 ? { SESSIONS_BUCKET = google_storage_bucket.sessions.name } : {},
      # Who holds accounts, and who works out how many holders they need.
      try(row.roles.sessions, false) || can(row.roles.scales) ? { WHATSAPP_ACCOUNTS = tostring(var.whatsapp_accounts) } : {},
      can(row.roles.scales) ? {
        HOLDERS_MAX  = tostring(var.holders_max)
        HOLDERS_POOL = "projects/${var.project}/locations/${var.region}/workerPools/${local.holders}"
      } : {},
      row.environment,
      var.settings,
    )
  }

  # A secret without a value would keep the service from starting.
  mounted = { for name, row in local.deployed : name => setintersection(row.secrets, var.secrets) }
}

resource "google_cloud_run_v2_service" "function" {
  for_each = local.functions

  project             = var.project
  name                = "${var.prefix}-${each.key}"
  location            = var.region
  ingress             = local.ingress[each.key]
  custom_audiences    = [local.audiences[each.key]]
  deletion_protection = var.protected

  template {
    labels                           = { generation = tostring(var.generation) }
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = each.value.concurrency
    service_account                  = google_service_account.function[each.key].email
    timeout                          = "${each.value.timeout}s"

    scaling {
      max_instance_count = each.value.instances.max
      min_instance_count = each.value.instances.min
    }

    containers {
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        cpu_idle          = true
        startup_cpu_boost = true
        limits = {
          cpu    = tostring(each.value.cpu)
          memory = each.value.memory
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
        for_each = local.environments[each.key]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.mounted[each.key]
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

  # A release moves traffic after its smoke test, and moves it back when that fails; see cloudbuild.yaml.
  lifecycle {
    ignore_changes = [client, client_version, traffic]
  }

  depends_on = [google_secret_manager_secret_iam_member.mounted]
}
