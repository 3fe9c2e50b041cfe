//! Microsoft Azure on your desk: Entra, Resource Manager, Blob storage, Activity Log.
