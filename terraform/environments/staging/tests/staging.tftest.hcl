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

run "staging_is_one_hub_that_can_be_taken_away" {
  assert {
    condition     = !module.app.protected
    error_message = "staging must be easy to tear down"
  }
  assert {
    condition     = output.url == "https://hub-hub-123456789012.europe-west1.run.app" && output.address == null
    error_message = "staging has one public service on run.app"
  }
}
