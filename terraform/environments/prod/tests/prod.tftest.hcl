mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  domain        = "hub.example.com"
  image         = "europe-west1-docker.pkg.dev/example/hub/functions@sha256:0"
  project       = "example"
  sockets_image = "europe-west1-docker.pkg.dev/example/hub/sockets@sha256:0"
}

run "prod_is_protected_and_split" {
  assert {
    condition     = module.app.protected
    error_message = "The database and the services of prod must not be deletable"
  }
  assert {
    condition     = output.url == "https://hub.example.com" && contains(output.services, "hub-webhooks") && !contains(output.services, "hub-hub")
    error_message = "prod has a service per dialect behind its domain"
  }
}
