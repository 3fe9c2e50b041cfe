# The lab's Google Cloud project: training data, and who may read it.
terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.0"
    }
  }
}

provider "google" {
  project = "acme-lab"
  region  = "europe-west1"
}

resource "google_storage_bucket" "datasets" {
  name                        = "acme-lab-datasets"
  location                    = "EU"
  uniform_bucket_level_access = true
  public_access_prevention    = "inherited"
  labels = {
    data  = "training"
    owner = "ml-platform"
  }
}

resource "google_storage_bucket" "models" {
  name                        = "acme-lab-models"
  location                    = "EU"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels = {
    owner = "ml-platform"
  }
}

resource "google_storage_bucket_iam_binding" "datasets_readers" {
  bucket  = google_storage_bucket.datasets.name
  role    = "roles/storage.objectViewer"
  members = ["serviceAccount:pipeline@acme-lab.iam.gserviceaccount.com"]
}

resource "google_storage_bucket_iam_member" "datasets_writer" {
  bucket = google_storage_bucket.datasets.name
  role   = "roles/storage.objectCreator"
  member = "serviceAccount:pipeline@acme-lab.iam.gserviceaccount.com"
}

resource "google_storage_bucket_iam_member" "models_auditor" {
  bucket = google_storage_bucket.models.name
  role   = "roles/storage.legacyBucketReader"
  member = "user:audit@example.com"
}
