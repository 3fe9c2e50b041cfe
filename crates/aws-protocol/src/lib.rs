//! The protocols of AWS as tables and codecs, for the client side and the local cloud.
