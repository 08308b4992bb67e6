# The bucket is made once by hand (terraform/README.md) and named at init: terraform init -backend-config=bucket=PROJECT-terraform
terraform {
  required_version = ">= 1.11"

  backend "gcs" {
    prefix = "hub/staging"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region

  # Budgets are asked of the billing account; who pays for the asking is this project.
  billing_project       = var.project
  user_project_override = true

  default_labels = {
    app         = "omnichannel-hub"
    environment = "staging"
  }
}
