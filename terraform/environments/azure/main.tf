# The lab's Azure subscription: the reports that finance and an auditor read.
terraform {
  required_version = ">= 1.5"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

provider "azurerm" {
  features {}
  subscription_id = "2b6f9d34-5c1e-4a7b-8d2f-6e0c4b9a7d10"
}

resource "azurerm_resource_group" "data" {
  name     = "acme-data"
  location = "westeurope"
  tags = {
    owner = "finance"
  }
}

resource "azurerm_storage_account" "reports" {
  name                            = "acmereports"
  resource_group_name             = azurerm_resource_group.data.name
  location                        = azurerm_resource_group.data.location
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  allow_nested_items_to_be_public = false
  tags = {
    data  = "finance"
    owner = "finance"
  }
}

resource "azurerm_storage_container" "reports" {
  name                  = "reports"
  storage_account_id    = azurerm_storage_account.reports.id
  container_access_type = "private"
}

resource "azurerm_storage_container" "archive" {
  name                  = "archive"
  storage_account_id    = azurerm_storage_account.reports.id
  container_access_type = "private"
}
