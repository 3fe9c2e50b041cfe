//! A bad call is mended seconds after it was made: an event comes in, what it names is looked
//! at again, and what policy says of it is done.
//!
//! * [`settings`]: the environment of the function, as typed values
//! * [`payload`]: what the function is called with: an event, a batch of them, a check
//! * [`kept`]: states and policy, fetched again when their version is another
//! * [`function`]: one call of the function from beginning to end
//! * [`answer`]: what is said of it, in the answer and in the log
//! * [`journal`]: one line of JSON for each event
//! * [`runtime`]: the word to Lambda when the function cannot start
//!
//! An event only names what to look at. What is there is read from the cloud, what is wanted
//! from the states, what may be done from the policy; nothing else of an event is believed.
//!
//! An event is done with when nothing that may be done about it is left to do. What failed,
//! was refused, was held back or could not be read is tried again by whoever delivers (the
//! queue, Lambda itself), and after that lies in the dead letter queue, where an alarm sees
//! it. What cannot be read as an event is not tried again: it would never become one, and it
//! would keep what stands behind it waiting.

pub mod answer;
pub mod function;
pub mod journal;
pub mod kept;
pub mod payload;
pub mod runtime;
pub mod settings;

pub use function::Function;
pub use settings::Settings;
