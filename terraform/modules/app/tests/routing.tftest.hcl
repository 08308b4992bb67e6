# Where a request goes.

mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  image         = "europe-west1-docker.pkg.dev/example/hub/functions@sha256:0"
  project       = "example"
  sockets_image = "europe-west1-docker.pkg.dev/example/hub/sockets@sha256:0"
}

run "split_sends_every_path_to_one_backend" {
  variables {
    domain = "hub.example.com"
    front  = "split"
  }

  assert {
    condition = { for rule in google_compute_url_map.hub[0].path_matcher[0].path_rule : rule.service => toset(rule.paths) } == {
      for name, row in local.table.functions : google_compute_backend_service.public[name].id => toset(row.paths)
      if row.public && contains(row.fronts, "split")
    }
    error_message = "The URL map must be the table"
  }
  assert {
    condition = length(distinct(flatten(google_compute_url_map.hub[0].path_matcher[0].path_rule[*].paths))) == length(
      flatten(google_compute_url_map.hub[0].path_matcher[0].path_rule[*].paths)
    )
    error_message = "No pattern may have two backends"
  }
  assert {
    condition = alltrue([
      for name, backend in google_compute_backend_service.public :
      one(backend.backend).group == google_compute_region_network_endpoint_group.public[name].id
    ])
    error_message = "A backend must have its own endpoint group"
  }
  assert {
    condition = alltrue([
      for name, group in google_compute_region_network_endpoint_group.public :
      group.cloud_run[0].service == "hub-${name}" && group.network_endpoint_type == "SERVERLESS"
    ])
    error_message = "An endpoint group must stand for the service of its name"
  }
  assert {
    condition = alltrue([
      for name, backend in google_compute_backend_service.public :
      backend.security_policy == google_compute_security_policy.limit[name == "webhooks" ? "providers" : "clients"].id
    ])
    error_message = "Every public path must have a rate limit"
  }
  assert {
    condition = alltrue([
      for policy in google_compute_security_policy.limit :
      [for rule in policy.rule : rule.rate_limit_options[0].enforce_on_key if rule.action == "throttle"] == ["IP"]
    ])
    error_message = "The rate limit goes by address"
  }
  assert {
    condition = (
      google_compute_global_forwarding_rule.https[0].port_range == "443" &&
      google_compute_ssl_policy.modern[0].min_tls_version == "TLS_1_2" &&
      google_compute_url_map.redirect[0].default_url_redirect[0].https_redirect
    )
    error_message = "Nothing is served without TLS"
  }
  assert {
    condition     = output.url == "https://hub.example.com" && output.webhooks.facebook == "https://hub.example.com/api/facebook/webhook"
    error_message = "Providers are told the domain"
  }
  assert {
    condition     = alltrue([for environment in local.environments : environment.TRUSTED_PROXIES == "2"])
    error_message = "Behind the load balancer the caller's address is the second from the end"
  }
  assert {
    condition     = !contains(keys(google_cloud_run_v2_service.function), "hub")
    error_message = "The hub is not needed beside the split functions"
  }
}

run "single_is_one_hub_on_run_app" {
  variables {
    front = "single"
  }

  assert {
    condition     = toset(keys(google_cloud_run_v2_service.function)) == toset(["hub", "normalize", "reply", "deliver", "announce", "tick"])
    error_message = "The hub stands for all dialects"
  }
  assert {
    condition = (
      google_cloud_run_v2_service.function["hub"].ingress == "INGRESS_TRAFFIC_ALL" &&
      toset(keys(google_cloud_run_v2_service_iam_member.anybody)) == toset(["hub"])
    )
    error_message = "The hub must be reachable"
  }
  assert {
    condition     = length(google_compute_backend_service.public) + length(google_compute_url_map.hub) + length(google_compute_global_forwarding_rule.https) + length(google_compute_security_policy.limit) == 0
    error_message = "There is no load balancer to pay for"
  }
  assert {
    condition = (
      output.url == "https://hub-hub-123456789012.europe-west1.run.app" &&
      output.webhooks.telegram == "https://hub-hub-123456789012.europe-west1.run.app/api/telegram/bot/webhook/{id}" &&
      local.environments["hub"].PUBLIC_URL == output.url
    )
    error_message = "Providers are told the hub's own address, which is known before it exists"
  }
  assert {
    condition     = alltrue([for environment in local.environments : environment.TRUSTED_PROXIES == "1"])
    error_message = "On run.app the caller's address is the last"
  }
}

run "single_with_a_domain_is_one_hub_behind_the_same_guard" {
  variables {
    domain = "hub.example.com"
    front  = "single"
  }

  assert {
    condition = { for rule in google_compute_url_map.hub[0].path_matcher[0].path_rule : rule.service => toset(rule.paths) } == {
      (google_compute_backend_service.public["hub"].id)      = toset(local.table.functions.hub.paths)
      (google_compute_backend_service.public["sockets"].id)  = toset(local.table.functions.sockets.paths)
      (google_compute_backend_service.public["webhooks"].id) = toset(local.table.functions.webhooks.paths)
    }
    error_message = "The hub has all paths but those of the sockets and of providers"
  }
  assert {
    condition = {
      for name, group in google_compute_region_network_endpoint_group.public : name => group.cloud_run[0].service
    } == { hub = "hub-hub", sockets = "hub-sockets", webhooks = "hub-hub" }
    error_message = "The hub stands behind its own paths and those of providers"
  }
  assert {
    condition = alltrue([
      for name, backend in google_compute_backend_service.public :
      backend.security_policy == google_compute_security_policy.limit[name == "webhooks" ? "providers" : "clients"].id
    ])
    error_message = "Every public path must have a rate limit"
  }
  assert {
    condition = (
      google_cloud_run_v2_service.function["hub"].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" &&
      google_cloud_run_v2_service.sockets.ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    )
    error_message = "Nobody gets around the load balancer"
  }
  assert {
    condition = (
      output.url == "https://hub.example.com" && output.sockets_url == output.url &&
      output.webhooks.facebook == "https://hub.example.com/api/facebook/webhook" &&
      alltrue([for environment in local.environments : environment.TRUSTED_PROXIES == "2"])
    )
    error_message = "Providers are told the domain, and the caller's address is the second from the end"
  }
}

run "a_domain_and_a_signing_key_are_never_left_out" {
  command = plan

  variables {
    front   = "split"
    secrets = ["API_KEY"]
  }

  expect_failures = [var.domain, var.secrets]
}

run "a_private_key_without_its_public_one_is_a_mistake" {
  command = plan

  variables {
    front   = "single"
    secrets = ["API_KEY", "JWT_PRIVATE_KEY"]
  }

  expect_failures = [var.secrets]
}

run "a_secret_that_nobody_asks_for_is_a_mistake" {
  command = plan

  variables {
    front   = "single"
    secrets = ["JWT_SECRET", "JWT_SECERT"]
  }

  expect_failures = [google_secret_manager_secret.deployment]
}
