# How services run, what watches them, and where data lies.

mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  alert_emails    = ["ops@example.com"]
  billing_account = "012345-6789AB-CDEF01"
  domain          = "hub.example.com"
  front           = "split"
  image           = "europe-west1-docker.pkg.dev/example/hub/functions@sha256:0"
  project         = "example"
  settings        = { CORS_ORIGIN = "https://app.example.com" }
  sockets_image   = "europe-west1-docker.pkg.dev/example/hub/sockets@sha256:0"
}

run "services_indexes_protection_and_alerts" {
  # Services are what the table says.
  assert {
    condition = alltrue([
      for name, service in google_cloud_run_v2_service.function :
      service.template[0].containers[0].resources[0].limits.memory == local.table.functions[name].memory &&
      service.template[0].containers[0].resources[0].limits.cpu == tostring(local.table.functions[name].cpu) &&
      service.template[0].containers[0].resources[0].startup_cpu_boost &&
      service.template[0].containers[0].image == var.image &&
      service.template[0].execution_environment == "EXECUTION_ENVIRONMENT_GEN2" &&
      service.template[0].max_instance_request_concurrency == local.table.functions[name].concurrency &&
      service.template[0].scaling[0].min_instance_count == local.table.functions[name].instances.min &&
      service.template[0].scaling[0].max_instance_count == local.table.functions[name].instances.max &&
      service.template[0].timeout == "${local.table.functions[name].timeout}s"
    ])
    error_message = "A service must have what its row gives it"
  }
  assert {
    condition = alltrue([
      for name, service in google_cloud_run_v2_service.function : alltrue([
        for key, value in {
          BACKEND         = "google"
          CORS_ORIGIN     = "https://app.example.com"
          ENVIRONMENT     = "production"
          FUNCTION_SOURCE = "functions/${name}/main.py"
          FUNCTION_TARGET = "handler"
          THREADS         = tostring(local.table.functions[name].concurrency)
        } : contains([for variable in service.template[0].containers[0].env : "${variable.name}=${variable.value}" if variable.value != null], "${key}=${value}")
      ])
    ])
    error_message = "The environment picks the function out of the one image"
  }
  assert {
    condition = (
      google_cloud_run_v2_service.sockets.template[0].session_affinity &&
      !google_cloud_run_v2_service.sockets.template[0].containers[0].resources[0].cpu_idle &&
      google_cloud_run_v2_service.sockets.template[0].scaling[0].min_instance_count >= 1 &&
      google_cloud_run_v2_service.sockets.template[0].timeout == "3600s" &&
      google_cloud_run_v2_service.sockets.template[0].containers[0].image == var.sockets_image
    )
    error_message = "The sockets container is always on, and a client stays with its instance"
  }

  # Indexes are those that the tests check.
  assert {
    condition = toset([
      for index in google_firestore_index.composite : jsonencode([index.collection, index.query_scope, [for field in index.fields : [field.field_path, field.order]]])
      ]) == toset([
      for index in jsondecode(file("../../../infra/firestore/indexes.json")).indexes :
      jsonencode([index.collectionGroup, index.queryScope, [for field in index.fields : [field.fieldPath, field.order]]])
    ])
    error_message = "Composite indexes must be those of indexes.json"
  }
  assert {
    condition     = length(google_firestore_index.composite) == length(jsondecode(file("../../../infra/firestore/indexes.json")).indexes)
    error_message = "No index may be declared twice"
  }
  assert {
    condition = {
      for field in google_firestore_field.override : "${field.collection}/${field.field}" => length(field.ttl_config) == 1
      } == {
      for field in jsondecode(file("../../../infra/firestore/indexes.json")).fieldOverrides :
      "${field.collectionGroup}/${field.fieldPath}" => try(field.ttl, false)
    }
    error_message = "Exemptions and times to live must be those of indexes.json"
  }
  assert {
    condition = {
      for field in google_firestore_field.override : "${field.collection}/${field.field}" => [
        for index in field.index_config[0].indexes : "${index.order} ${index.query_scope}"
      ]
      } == {
      for field in jsondecode(file("../../../infra/firestore/indexes.json")).fieldOverrides :
      "${field.collectionGroup}/${field.fieldPath}" => [for index in field.indexes : "${index.order} ${index.queryScope}"]
    }
    error_message = "An exempted field has the indexes of indexes.json alone, mostly none"
  }

  # Data is protected.
  assert {
    condition = (
      google_firestore_database.hub.delete_protection_state == "DELETE_PROTECTION_ENABLED" &&
      google_firestore_database.hub.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" &&
      google_firestore_database.hub.type == "FIRESTORE_NATIVE" &&
      google_firestore_backup_schedule.weekly.database == google_firestore_database.hub.name
    )
    error_message = "Documents must survive mistakes"
  }
  assert {
    condition     = alltrue([for service in google_cloud_run_v2_service.function : service.deletion_protection])
    error_message = "Services must not be deleted by mistake"
  }
  assert {
    condition = (
      google_storage_bucket.media.public_access_prevention == "enforced" &&
      google_storage_bucket.media.uniform_bucket_level_access &&
      one(one(google_storage_bucket.media.lifecycle_rule).condition).age == 1
    )
    error_message = "Fetched files are private, and gone after a day"
  }
  assert {
    condition = (
      google_storage_bucket.files.public_access_prevention == "enforced" &&
      google_storage_bucket.files.uniform_bucket_level_access &&
      !google_storage_bucket.files.force_destroy &&
      alltrue([for rule in google_storage_bucket.files.lifecycle_rule : one(rule.action).type != "Delete"])
    )
    error_message = "Copies of files are private, and stay until the hub deletes them"
  }
  assert {
    condition = (
      google_storage_bucket.sessions.public_access_prevention == "enforced" &&
      google_storage_bucket.sessions.uniform_bucket_level_access &&
      length(google_storage_bucket.sessions.lifecycle_rule) == 0
    )
    error_message = "Sessions are private, and stay until the hub deletes them"
  }
  assert {
    condition = (
      google_cloud_run_v2_worker_pool.holders.template[0].containers[0].resources[0].limits.memory == "1012Mi" &&
      one([
        for variable in google_cloud_run_v2_worker_pool.holders.template[0].containers[0].env : variable.value
        if variable.name == "WHATSAPP_ACCOUNTS"
      ]) == "5"
    )
    error_message = "A holder has memory for as many WhatsApp accounts as it holds"
  }
  assert {
    condition = (
      google_cloud_run_v2_worker_pool.holders.scaling[0].manual_instance_count == 1 &&
      google_cloud_run_v2_worker_pool.holders.template[0].containers[0].image == var.sockets_image &&
      google_cloud_run_v2_worker_pool.holders.template[0].containers[0].args == tolist(["-m", "infra.holders"])
    )
    error_message = "There is always a holder; it is the sockets' image with another command"
  }
  assert {
    condition = {
      for variable in google_cloud_run_v2_service.function["tick"].template[0].containers[0].env : variable.name => variable.value
      if contains(["HOLDERS_MAX", "HOLDERS_POOL", "WHATSAPP_ACCOUNTS"], variable.name)
      } == {
      HOLDERS_MAX       = "10"
      HOLDERS_POOL      = "projects/example/locations/europe-west1/workerPools/hub-holders"
      WHATSAPP_ACCOUNTS = "5"
    }
    error_message = "Tick knows which pool it scales, how far, and how many accounts an instance holds"
  }
  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags && length(google_artifact_registry_repository.images.cleanup_policies) == 2
    error_message = "Old images must not pile up"
  }

  # Somebody is told.
  assert {
    condition = alltrue([
      for policy in [
        google_monitoring_alert_policy.accounts_unheld,
        google_monitoring_alert_policy.dead_letters,
        google_monitoring_alert_policy.down,
        google_monitoring_alert_policy.errors,
        google_monitoring_alert_policy.outbox_age,
        google_monitoring_alert_policy.webhook_latency,
      ] : policy.notification_channels == tolist([google_monitoring_notification_channel.email["ops@example.com"].id])
    ])
    error_message = "Every alert must reach the address"
  }
  assert {
    condition = (
      google_monitoring_uptime_check_config.health.http_check[0].path == "/health" &&
      google_monitoring_uptime_check_config.health.monitored_resource[0].labels.host == "hub.example.com"
    )
    error_message = "The uptime check asks the hub how it is"
  }
  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.hub.dashboard_json).mosaicLayout.tiles) == 16
    error_message = "The dashboard shows the way of a message"
  }
  assert {
    condition = (
      google_billing_budget.monthly[0].amount[0].specified_amount[0].units == "100" &&
      google_billing_budget.monthly[0].all_updates_rule[0].monitoring_notification_channels == tolist([google_monitoring_notification_channel.email["ops@example.com"].id])
    )
    error_message = "The budget must tell the address"
  }
  assert {
    condition     = toset(keys(google_logging_metric.counted)) == toset(keys(local.log_metrics)) && alltrue([for metric in google_logging_metric.counted : startswith(metric.name, "hub/")])
    error_message = "Each line that is counted has its metric"
  }
  assert {
    condition = toset(keys(google_logging_metric.measured)) == toset(["outbox_age", "outbox_depth", "time_in_outbox", "time_to_reply", "webhook_lag"]) && alltrue([
      for name, metric in google_logging_metric.measured :
      metric.name == "hub/${name}" &&
      metric.metric_descriptor[0].value_type == "DISTRIBUTION" &&
      metric.value_extractor == "EXTRACT(jsonPayload.${local.log_distributions[name].value})" &&
      toset(keys(metric.label_extractors)) == toset(metric.metric_descriptor[0].labels[*].key)
    ])
    error_message = "Lag, time to reply and the outbox are measured as distributions of what log lines tell"
  }
  assert {
    condition = alltrue([
      for name in concat(keys(google_logging_metric.measured), ["provider_errors", "dead_messages"]) :
      strcontains(google_monitoring_dashboard.hub.dashboard_json, "user/hub/${name}")
    ])
    error_message = "What is measured must be seen on the dashboard"
  }
  assert {
    condition     = toset(keys(google_logging_metric.counted["provider_errors"].label_extractors)) == toset(["channel", "reason"])
    error_message = "Errors of providers are told apart by channel"
  }
}
