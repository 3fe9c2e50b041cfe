//! Google Cloud on your desk: tokens, Storage over gRPC and JSON, audit logs.
