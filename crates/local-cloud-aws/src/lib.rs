//! Amazon Web Services on your desk: protocols, permissions, exposure, CloudTrail.
