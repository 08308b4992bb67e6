# The HTTPS load balancer of a domain, with Cloud Armor: a URL map made from the paths in the functions' table. Nothing here
# exists without a domain, where the hub's own run.app address is the public one: Cloud Armor guards nothing but the
# backends of a load balancer (https://cloud.google.com/armor/docs/integrating-cloud-armor).

locals {
  has_balancer = var.domain != null

  # Which service has which paths. Providers' are apart with both fronts, for the sake of their limit.
  balanced = { for name, backend in merge(
    { for name, row in local.public : name => { service = name, paths = row.paths } },
    var.front == "single" ? { webhooks = { service = "hub", paths = local.table.functions.webhooks.paths } } : {},
  ) : name => backend if local.has_balancer }
  # Who answers for paths that nobody has, with the 404 of a dialect.
  fallback = var.front == "split" ? "dashboard" : "hub"

  # Providers call from few addresses on behalf of many people.
  limits     = { for who, calls in var.rate_limits : who => calls if local.has_balancer }
  limited_as = { for name in keys(local.balanced) : name => name == "webhooks" ? "providers" : "clients" }

  services = merge(
    { for name, service in google_cloud_run_v2_service.function : name => service.name },
    { sockets = google_cloud_run_v2_service.sockets.name },
  )
}

resource "google_compute_region_network_endpoint_group" "public" {
  for_each = local.balanced

  project               = var.project
  region                = var.region
  name                  = "${var.prefix}-${each.key}"
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = local.services[each.value.service]
  }
}

resource "google_compute_backend_service" "public" {
  for_each = local.balanced

  project               = var.project
  name                  = "${var.prefix}-${each.key}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.limit[local.limited_as[each.key]].id

  backend {
    group = google_compute_region_network_endpoint_group.public[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 0.1
  }
}

resource "google_compute_url_map" "hub" {
  count = local.has_balancer ? 1 : 0

  project         = var.project
  name            = var.prefix
  default_service = google_compute_backend_service.public[local.fallback].id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "functions"
  }

  path_matcher {
    name            = "functions"
    default_service = google_compute_backend_service.public[local.fallback].id

    dynamic "path_rule" {
      for_each = local.balanced
      content {
        paths   = path_rule.value.paths
        service = google_compute_backend_service.public[path_rule.key].id
      }
    }
  }
}

resource "google_compute_security_policy" "limit" {
  for_each = local.limits

  project = var.project
  name    = "${var.prefix}-${each.key}"

  rule {
    description = "Known holes in what others have written"
    action      = "deny(403)"
    priority    = 100
    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary')"
      }
    }
  }

  rule {
    description = "So many calls a minute from one address"
    action      = "throttle"
    priority    = 1000
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = each.value
        interval_sec = 60
      }
    }
  }

  rule {
    description = "The rule that every policy must end with"
    action      = "allow"
    priority    = 2147483647
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_global_address" "hub" {
  count = local.has_balancer ? 1 : 0

  project = var.project
  name    = var.prefix

  depends_on = [google_project_service.api]
}

resource "google_compute_managed_ssl_certificate" "hub" {
  count = local.has_balancer ? 1 : 0

  project = var.project
  # A certificate cannot be changed: another domain needs another name, and the old one must serve until then.
  name = "${var.prefix}-${substr(sha256(var.domain), 0, 8)}"

  managed {
    domains = [var.domain]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "modern" {
  count = local.has_balancer ? 1 : 0

  project         = var.project
  name            = var.prefix
  min_tls_version = "TLS_1_2"
  profile         = "MODERN"

  depends_on = [google_project_service.api]
}

resource "google_compute_target_https_proxy" "hub" {
  count = local.has_balancer ? 1 : 0

  project          = var.project
  name             = var.prefix
  ssl_certificates = [google_compute_managed_ssl_certificate.hub[0].id]
  ssl_policy       = google_compute_ssl_policy.modern[0].id
  url_map          = google_compute_url_map.hub[0].id
}

resource "google_compute_global_forwarding_rule" "https" {
  count = local.has_balancer ? 1 : 0

  project               = var.project
  name                  = "${var.prefix}-https"
  ip_address            = google_compute_global_address.hub[0].id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "443"
  target                = google_compute_target_https_proxy.hub[0].id
}

# Plain http is answered with the https address only.

resource "google_compute_url_map" "redirect" {
  count = local.has_balancer ? 1 : 0

  project = var.project
  name    = "${var.prefix}-redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }

  depends_on = [google_project_service.api]
}

resource "google_compute_target_http_proxy" "redirect" {
  count = local.has_balancer ? 1 : 0

  project = var.project
  name    = "${var.prefix}-redirect"
  url_map = google_compute_url_map.redirect[0].id
}

resource "google_compute_global_forwarding_rule" "http" {
  count = local.has_balancer ? 1 : 0

  project               = var.project
  name                  = "${var.prefix}-http"
  ip_address            = google_compute_global_address.hub[0].id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect[0].id
}
