//! One suite for all clouds and backends.
