//! Bad weather on request: latency, throttling, errors, denials, lost answers, outages.

use model::Cloud;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One fault and what it falls on. Empty fields match everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    #[serde(default)]
    pub cloud: Option<Cloud>,
    /// As the cloud's own log names it: `s3`, `Microsoft.Storage`, `storage.googleapis.com`.
    #[serde(default)]
    pub service: Option<String>,
    #[serde(default)]
    pub operation: Option<String>,
    #[serde(flatten)]
    pub effect: FaultEffect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum FaultEffect {
    /// Every answer comes this much later.
    Latency { milliseconds: u64 },
    /// More calls a second than this are refused as that service throttles.
    Throttle { per_second: f64 },
    /// This share of calls, in percent, fails as the service's own fault.
    Errors { percent: u8 },
    /// Refused, as if a permission were missing.
    Deny,
    /// The call is done and the connection is cut before its answer.
    LostAnswer,
    /// Connections are cut before anything is read.
    Outage,
}

/// What a service must do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAction {
    Proceed,
    Throttle,
    Fail,
    Deny,
    LoseAnswer,
}

#[derive(Default)]
pub struct Faults {
    active: Mutex<Vec<Active>>,
}

struct Active {
    fault: Fault,
    calls: u64,
    /// Allowance left, and when it was last filled up.
    tokens: f64,
    filled: Instant,
}

impl Faults {
    pub fn set(&self, fault: Fault) {
        let tokens = match fault.effect {
            FaultEffect::Throttle { per_second } => per_second.max(1.0),
            _ => 0.0,
        };
        self.lock().push(Active { fault, calls: 0, tokens, filled: Instant::now() });
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    pub fn list(&self) -> Vec<Fault> {
        self.lock().iter().map(|a| a.fault.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is this whole cloud out?
    pub fn is_out(&self, cloud: &Cloud) -> bool {
        self.lock().iter().any(|a| {
            a.fault.effect == FaultEffect::Outage
                && a.fault.service.is_none()
                && a.fault.cloud.as_ref().is_none_or(|c| c == cloud)
        })
    }

    /// Asked by a service once it knows which operation it has before it. Waits out any
    /// latency, then says what to do.
    pub async fn check(&self, cloud: &Cloud, service: &str, operation: &str) -> FaultAction {
        let (wait, action) = self.decide(cloud, service, operation);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        action
    }

    fn decide(&self, cloud: &Cloud, service: &str, operation: &str) -> (Duration, FaultAction) {
        let mut wait = Duration::ZERO;
        let mut action = FaultAction::Proceed;
        for active in self.lock().iter_mut() {
            let fault = &active.fault;
            let falls = fault.cloud.as_ref().is_none_or(|c| c == cloud)
                && fault.service.as_ref().is_none_or(|s| s.eq_ignore_ascii_case(service))
                && fault.operation.as_ref().is_none_or(|o| o.eq_ignore_ascii_case(operation));
            if !falls {
                continue;
            }
            active.calls += 1;
            match fault.effect {
                FaultEffect::Latency { milliseconds } => {
                    wait += Duration::from_millis(milliseconds)
                }
                FaultEffect::Throttle { per_second } => {
                    let now = Instant::now();
                    let refill = now.duration_since(active.filled).as_secs_f64() * per_second;
                    active.tokens = (active.tokens + refill).min(per_second.max(1.0));
                    active.filled = now;
                    if active.tokens >= 1.0 {
                        active.tokens -= 1.0;
                    } else {
                        action = FaultAction::Throttle;
                    }
                }
                // Spread evenly and without a generator: the same calls fail in every run.
                FaultEffect::Errors { percent } => {
                    if (active.calls * u64::from(percent)) % 100 < u64::from(percent) {
                        action = FaultAction::Fail;
                    }
                }
                FaultEffect::Deny => action = FaultAction::Deny,
                FaultEffect::LostAnswer => action = FaultAction::LoseAnswer,
                FaultEffect::Outage => action = FaultAction::Fail,
            }
        }
        (wait, action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(effect: FaultEffect) -> Fault {
        Fault { cloud: None, service: Some("s3".to_owned()), operation: None, effect }
    }

    fn actions(faults: &Faults, service: &str, n: usize) -> Vec<FaultAction> {
        (0..n).map(|_| faults.decide(&"c".into(), service, "GetObject").1).collect()
    }

    #[test]
    fn a_fault_reads_as_it_is_written() {
        let throttle = fault(FaultEffect::Throttle { per_second: 2.5 });
        let text = serde_json::to_string(&throttle).unwrap();
        assert_eq!(serde_json::from_str::<Fault>(&text).unwrap(), throttle, "{text}");
    }

    #[test]
    fn errors_come_in_the_share_asked_for() {
        let faults = Faults::default();
        faults.set(fault(FaultEffect::Errors { percent: 5 }));
        let failed =
            actions(&faults, "s3", 200).iter().filter(|a| **a == FaultAction::Fail).count();
        assert_eq!(failed, 10);
        assert!(actions(&faults, "iam", 20).iter().all(|a| *a == FaultAction::Proceed));
    }

    #[test]
    fn throttling_lets_the_allowance_through() {
        let faults = Faults::default();
        faults.set(fault(FaultEffect::Throttle { per_second: 2.0 }));
        let actions = actions(&faults, "s3", 4);
        assert_eq!(actions[..2], [FaultAction::Proceed; 2]);
        assert_eq!(actions[3], FaultAction::Throttle);
    }
}
