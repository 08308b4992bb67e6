# Nobody may do more than the functions' table says.

mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  domain        = "hub.example.com"
  front         = "split"
  image         = "europe-west1-docker.pkg.dev/example/hub/functions@sha256:0"
  project       = "example"
  secrets       = ["API_KEY", "EVOLUTION_KEY", "JWT_SECRET", "OPENAI_API_KEY"]
  sockets_image = "europe-west1-docker.pkg.dev/example/hub/sockets@sha256:0"
}

run "nobody_may_do_more_than_the_table_says" {
  # Each function has an account of its own.
  assert {
    condition = alltrue([
      for name, service in google_cloud_run_v2_service.function :
      service.template[0].service_account == google_service_account.function[name].email
    ])
    error_message = "A function must run as its own account"
  }
  assert {
    condition     = google_cloud_run_v2_service.sockets.template[0].service_account == google_service_account.function["sockets"].email
    error_message = "The sockets container must run as its own account"
  }
  assert {
    condition     = google_cloud_run_v2_worker_pool.holders.template[0].service_account == google_service_account.function["holders"].email
    error_message = "The holders must run as their own account"
  }
  assert {
    condition     = length(distinct(values(google_service_account.function)[*].account_id)) == length(local.deployed)
    error_message = "Accounts are not shared"
  }

  # The project grants nothing wide.
  assert {
    condition = length(setsubtract(
      toset(concat(
        values(google_project_iam_member.store)[*].role,
        values(google_project_iam_member.traces)[*].role,
        values(google_project_iam_member.reads_secrets)[*].role,
      )),
      ["roles/datastore.user", "roles/datastore.viewer", "roles/cloudtrace.agent", "roles/secretmanager.secretAccessor"],
    )) == 0
    error_message = "No role may be granted on the project but these"
  }
  assert {
    condition = alltrue([
      for name, member in google_project_iam_member.store :
      member.role == (local.table.functions[name].roles.store == "write" ? "roles/datastore.user" : "roles/datastore.viewer") &&
      member.member == google_service_account.function[name].member
    ])
    error_message = "Who only reads documents must not write them"
  }
  assert {
    condition     = google_project_iam_member.store["widget"].role == "roles/datastore.viewer"
    error_message = "The widget writes no document"
  }
  assert {
    condition = alltrue([
      for member in concat(values(google_project_iam_member.reads_secrets), values(google_project_iam_member.keeps_secrets)) :
      length(member.condition) == 1 &&
      can(regex("^(resource\\.name\\.startsWith\\(\"projects/123456789012/secrets/(instance|forge|agent|webhook)-\"\\)( \\|\\| |$))+$", member.condition[0].expression))
    ])
    error_message = "Secrets of tenants are the only ones that a right on the project may open"
  }
  assert {
    condition     = toset(google_project_iam_custom_role.secret_maker.permissions) == toset(["secretmanager.secrets.create"])
    error_message = "What cannot be bound to a name must be no more than making secrets"
  }
  assert {
    condition = alltrue([
      for permission in setunion(google_project_iam_custom_role.secret_keeper.permissions, google_project_iam_custom_role.listener.permissions) :
      can(regex("^(secretmanager\\.(secrets\\.delete|versions\\.)|pubsub\\.subscriptions\\.)", permission)) && !strcontains(permission, "IamPolicy")
    ])
    error_message = "Nobody may hand on rights"
  }

  # Topics and secrets are named one by one.
  assert {
    condition = toset([
      for member in google_pubsub_topic_iam_member.publishes : "${member.member} ${member.topic} ${member.role}"
      ]) == toset(flatten([
        for name, row in local.table.functions : [
          for topic in try(row.roles.publishes, []) :
          "${google_service_account.function[name].member} ${topic} roles/pubsub.publisher"
        ] if contains(row.fronts, "split")
    ]))
    error_message = "Who publishes where is what the table says"
  }
  assert {
    condition = toset([
      for member in google_secret_manager_secret_iam_member.mounted : "${member.member} ${member.secret_id} ${member.role}"
      ]) == toset(flatten([
        for name, row in local.table.functions : [
          for secret in row.secrets :
          "${google_service_account.function[name].member} ${secret} roles/secretmanager.secretAccessor"
          if contains(["API_KEY", "EVOLUTION_KEY", "JWT_SECRET", "OPENAI_API_KEY"], secret)
        ] if contains(row.fronts, "split")
    ]))
    error_message = "Who reads which secret is what the table says"
  }
  assert {
    condition = alltrue([
      for name, service in google_cloud_run_v2_service.function : toset([
        for variable in service.template[0].containers[0].env : variable.name if length(variable.value_source) > 0
      ]) == setintersection(local.table.functions[name].secrets, ["API_KEY", "EVOLUTION_KEY", "JWT_SECRET", "OPENAI_API_KEY"])
    ])
    error_message = "A function gets the secrets that it may read, and only those that have a value"
  }
  assert {
    condition     = toset(keys(google_storage_bucket_iam_member.media)) == toset(["dashboard", "tick"])
    error_message = "Only who serves /media, and who erases customers, may use its bucket"
  }
  assert {
    condition     = toset(keys(google_storage_bucket_iam_member.files)) == toset(["dashboard", "deliver", "omnichat", "tick"])
    error_message = "Only who takes, copies, deletes or serves files may use their bucket"
  }
  assert {
    condition     = toset(keys(google_storage_bucket_iam_member.sessions)) == toset(["holders"])
    error_message = "Only who holds sessions may use their bucket"
  }
  assert {
    condition = (
      toset(keys(google_project_iam_member.listener)) == toset(["holders", "sockets"]) &&
      toset(keys(google_pubsub_topic_iam_member.listens)) == toset(["holders/realtime", "sockets/realtime"]) &&
      toset(keys(google_pubsub_subscription_iam_member.pulls)) == toset(["holders/outbound-pull"])
    )
    error_message = "Only the sockets and the holders subscribe by themselves"
  }
  assert {
    condition = (
      toset(keys(google_pubsub_subscription_iam_member.erases_dead)) == toset(["tick/inbound", "tick/realtime"]) &&
      toset(keys(google_pubsub_subscription_iam_member.erases_kept)) == toset(["tick/inbound-kept"])
    )
    error_message = "Only who erases customers takes away what Pub/Sub keeps"
  }
  assert {
    condition = (
      toset(keys(google_cloud_run_v2_worker_pool_iam_member.scaler)) == toset(["tick"]) &&
      google_cloud_run_v2_worker_pool_iam_member.scaler["tick"].name == "hub-holders" &&
      google_cloud_run_v2_worker_pool_iam_member.scaler["tick"].member == google_service_account.function["tick"].member &&
      toset(google_project_iam_custom_role.scaler.permissions) == toset(["run.workerpools.get", "run.workerpools.update"])
    )
    error_message = "Only tick sets the number of holders, and may do no more with them"
  }
  assert {
    condition = (
      toset(keys(google_service_account_iam_member.scaler)) == toset(["tick"]) &&
      google_service_account_iam_member.scaler["tick"].service_account_id == google_service_account.function["holders"].name &&
      google_service_account_iam_member.scaler["tick"].role == "roles/iam.serviceAccountUser"
    )
    error_message = "Tick acts as the holders' account alone, as an update of their pool asks"
  }

  # Only what is public can be called.
  assert {
    condition = toset(concat(keys(google_cloud_run_v2_service_iam_member.anybody), ["sockets"])) == toset([
      "webhooks", "omnichat", "omnihub", "dashboard", "omega", "forge", "widget", "console", "sockets",
    ])
    error_message = "Only webhooks, the dialects, the pages and the sockets are for everybody"
  }
  assert {
    condition = (
      toset(keys(google_cloud_run_v2_service_iam_member.push)) == toset(["normalize", "reply", "deliver", "announce"]) &&
      toset(keys(google_cloud_run_v2_service_iam_member.scheduler)) == toset(["tick"]) &&
      alltrue([for member in google_cloud_run_v2_service_iam_member.push : member.member == google_service_account.push.member]) &&
      alltrue([for member in google_cloud_run_v2_service_iam_member.scheduler : member.member == google_service_account.scheduler.member])
    )
    error_message = "Event functions are called by Pub/Sub alone, tick by Cloud Scheduler alone"
  }
  assert {
    condition = alltrue([
      for name in ["normalize", "reply", "deliver", "announce", "tick"] :
      google_cloud_run_v2_service.function[name].ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    ])
    error_message = "What Google calls must not be reachable from outside"
  }
  assert {
    condition = alltrue([
      for name in keys(google_cloud_run_v2_service_iam_member.anybody) :
      google_cloud_run_v2_service.function[name].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    ])
    error_message = "Nobody may get around the load balancer"
  }
}

run "the_key_that_signs_is_where_people_sign_in_alone" {
  variables {
    secrets = ["API_KEY", "JWT_PRIVATE_KEY"]
    settings = {
      JWT_PUBLIC_KEY = "MCowBQYDK2VwAyEAX6xsLYrL8kvxONVuKIvJjIQkJh4svkUgBpAnwr8YFVw="
    }
  }

  assert {
    condition = toset([
      for member in google_secret_manager_secret_iam_member.mounted : member.member if member.secret_id == "JWT_PRIVATE_KEY"
    ]) == toset([google_service_account.function["omnichat"].member])
    error_message = "Only omnichat may read the key that signs"
  }
  assert {
    condition = alltrue([
      for name, service in google_cloud_run_v2_service.function : contains([
        for variable in service.template[0].containers[0].env : variable.name
      ], "JWT_PUBLIC_KEY")
    ])
    error_message = "Every function can verify tokens"
  }
}
