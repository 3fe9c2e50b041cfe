//! Deadline, retry, pace, timeout: one documented order around every remote call.
//!
//! 1. the **deadline** of the whole call, tries and waits included;
//! 2. **retry**: temporary failures only, exponential with jitter, the cloud's own
//!    `Retry-After` respected; a throttled call waits for its turn at the pace below;
//! 3. **pace**: a token bucket per service that slows down when the cloud throttles and
//!    recovers slowly, so that many concurrent reads share one allowance;
//! 4. the **timeout** of one attempt.

use crate::error::{ErrorKind, ProviderError, Retry};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// How long, how often, how fast.
#[derive(Clone, Debug)]
pub struct Limits {
    pub deadline: Duration,
    pub attempt: Duration,
    pub attempts: u32,
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// Calls a second and service before the cloud has throttled anything.
    pub rate: f64,
}

impl Default for Limits {
    /// The rate stays below the published request limits of the control planes used here
    /// (IAM and CloudTrail lookups throttle earlier and lower it by themselves).
    fn default() -> Self {
        Limits {
            deadline: Duration::from_secs(120),
            attempt: Duration::from_secs(20),
            attempts: 5,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(10),
            rate: 50.0,
        }
    }
}

/// One set of layers, shared by all sessions of one target and cloud.
#[derive(Clone)]
pub struct Layers {
    limits: Limits,
    paces: Arc<Mutex<BTreeMap<String, Pace>>>,
}

/// The name of a call, for messages and for its service's pace.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// `s3:GetBucketPolicy`: the service before the colon has a pace of its own.
    pub name: &'a str,
    /// `bucket audit`
    pub target: &'a str,
    /// Answering twice must not do it twice. A call that is not is retried only when the
    /// cloud said that it did nothing (throttled).
    pub idempotent: bool,
}

impl<'a> Call<'a> {
    pub fn read(name: &'a str, target: &'a str) -> Self {
        Call { name, target, idempotent: true }
    }

    pub fn write(name: &'a str, target: &'a str) -> Self {
        Call { name, target, idempotent: false }
    }

    pub fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, self.name, self.target)
    }
}

impl Layers {
    pub fn new(limits: Limits) -> Self {
        Layers { limits, paces: Arc::default() }
    }

    /// Makes a call through all layers. `attempt` is called once per try.
    pub async fn call<T, F, A>(&self, call: Call<'_>, mut attempt: A) -> Result<T, ProviderError>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, ProviderError>>,
    {
        let service = call.name.split(':').next().unwrap_or(call.name);
        let deadline = Instant::now() + self.limits.deadline;
        let mut tries = 0;
        loop {
            tries += 1;
            let start = self.reserve(service);
            if start > deadline {
                return Err(self.out_of_time(&call, None));
            }
            tokio::time::sleep_until(start).await;
            let limit = self.limits.attempt.min(deadline.saturating_duration_since(start));
            let outcome = match tokio::time::timeout(limit, attempt()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(call
                    .error(ErrorKind::Unreachable)
                    .because(format!("no answer within {} s", limit.as_secs_f32().ceil()))),
            };
            let error = match outcome {
                Ok(value) => {
                    self.pace(service, |p| p.answered());
                    return Ok(value);
                }
                Err(error) => error,
            };
            if error.is(ErrorKind::Throttled) {
                self.pace(service, |p| p.throttled());
            }
            let again = error.retry == Retry::Temporary
                && (call.idempotent || error.is(ErrorKind::Throttled));
            if !again {
                return Err(error);
            }
            let throttled = error.is(ErrorKind::Throttled);
            // Only the deadline ends a throttled call: it waits for its turn at the pace that
            // the service allows, and waiting longer than that would waste the allowance.
            if tries >= self.limits.attempts && !throttled {
                return Err(error.persistent());
            }
            let wait = match (error.retry_after, throttled) {
                (Some(asked), _) => asked,
                (None, true) => Duration::ZERO,
                (None, false) => self.wait(tries),
            };
            if Instant::now() + wait > deadline {
                return Err(self.out_of_time(&call, Some(error)));
            }
            tracing::debug!(call = call.name, target = call.target, tries, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Exponential with full jitter. The jitter comes from the clock's low digits: it only
    /// has to differ between callers, so no generator is needed.
    fn wait(&self, tries: u32) -> Duration {
        let ceiling =
            self.limits.first_wait.saturating_mul(1 << tries.min(16)).min(self.limits.longest_wait);
        let noise = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.subsec_nanos());
        ceiling.mul_f64(0.5 + f64::from(noise % 1000) / 2000.0)
    }

    fn out_of_time(&self, call: &Call<'_>, last: Option<ProviderError>) -> ProviderError {
        let seconds = self.limits.deadline.as_secs();
        match last {
            Some(error) => error.persistent(),
            None => call
                .error(ErrorKind::Throttled)
                .because(format!("its turn did not come within {seconds} s"))
                .persistent(),
        }
    }

    fn pace<T>(&self, service: &str, f: impl FnOnce(&mut Pace) -> T) -> T {
        let mut paces = self.paces.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let rate = self.limits.rate;
        f(paces.entry(service.to_owned()).or_insert_with(|| Pace::new(rate)))
    }

    fn reserve(&self, service: &str) -> Instant {
        self.pace(service, Pace::reserve)
    }
}

impl Default for Layers {
    fn default() -> Self {
        Layers::new(Limits::default())
    }
}

/// When the next call of one service may start.
struct Pace {
    rate: f64,
    most: f64,
    next: Instant,
    lowered: Option<Instant>,
    /// When calls were answered, over the last [`Pace::WINDOW`].
    answers: VecDeque<Instant>,
}

impl Pace {
    /// A second's calls may go out at once: the services' own buckets hold at least that.
    const BURST: f64 = 1.0;
    /// Below this no throttling pushes a service.
    const LEAST: f64 = 0.5;
    const WINDOW: Duration = Duration::from_secs(5);
    /// What each answer adds to a lowered rate, as a share of it: the allowance is looked for
    /// again within some tens of calls, and overshooting costs few refusals.
    const GROWTH: f64 = 0.01;
    /// And at least so much, in calls a second, or a slow service would be found again slowly.
    const STEP: f64 = 0.05;

    fn new(rate: f64) -> Self {
        let now = Instant::now();
        let next = now.checked_sub(Duration::from_secs_f64(Self::BURST)).unwrap_or(now);
        Pace { rate, most: rate, next, lowered: None, answers: VecDeque::new() }
    }

    fn reserve(&mut self) -> Instant {
        let now = Instant::now();
        let burst = Duration::from_secs_f64(Self::BURST);
        let start = self.next.max(now.checked_sub(burst).unwrap_or(now));
        self.next = start + Duration::from_secs_f64(1.0 / self.rate);
        start.max(now)
    }

    /// Falls to what the service did answer of late, at most once a second: calls that were
    /// under way together are throttled together, and one lesson is enough for them.
    fn throttled(&mut self) {
        let now = Instant::now();
        if self.lowered.is_some_and(|at| now.duration_since(at) < Duration::from_secs(1)) {
            return;
        }
        self.forget(now);
        let since = self.answers.front().map_or(Self::WINDOW, |first| now.duration_since(*first));
        let seconds = since.max(Duration::from_secs(1)).as_secs_f64();
        // A little more than was answered: a refused call costs less than an unused turn, and
        // what is only ever matched can only ever shrink.
        let answered = 1.1 * self.answers.len() as f64 / seconds;
        self.rate = answered.clamp(Self::LEAST.max(self.rate / 4.0), self.rate.max(Self::LEAST));
        self.lowered = Some(now);
    }

    fn answered(&mut self) {
        let now = Instant::now();
        self.answers.push_back(now);
        self.forget(now);
        if self.rate < self.most {
            self.rate = (self.rate + Self::STEP.max(self.rate * Self::GROWTH)).min(self.most);
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.answers.front().is_some_and(|at| now.duration_since(*at) > Self::WINDOW) {
            self.answers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn error(kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, "s3:GetBucketPolicy", "bucket audit")
    }

    async fn run(
        call: Call<'_>,
        failures: u32,
        kind: ErrorKind,
    ) -> (u32, Result<u32, ProviderError>) {
        let tries = AtomicU32::new(0);
        let outcome = Layers::default()
            .call(call, || async {
                let n = tries.fetch_add(1, Ordering::SeqCst);
                if n < failures { Err(error(kind)) } else { Ok(n) }
            })
            .await;
        (tries.load(Ordering::SeqCst), outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_is_slow_never_wrong() {
        let (tries, outcome) = run(Call::read("s3:x", "b"), 3, ErrorKind::Throttled).await;
        assert_eq!((tries, outcome), (4, Ok(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_call_is_not_repeated() {
        let (tries, outcome) = run(Call::read("s3:x", "b"), 3, ErrorKind::Denied).await;
        assert_eq!(tries, 1);
        assert!(outcome.unwrap_err().is(ErrorKind::Denied));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_whose_answer_was_lost_is_not_repeated() {
        let (tries, outcome) = run(Call::write("s3:x", "b"), 3, ErrorKind::Unreachable).await;
        assert_eq!(tries, 1);
        assert!(outcome.is_err());
        let (tries, _) = run(Call::write("s3:x", "b"), 3, ErrorKind::Throttled).await;
        assert_eq!(tries, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_and_says_that_it_stayed() {
        let (tries, outcome) = run(Call::read("s3:x", "b"), 99, ErrorKind::Unreachable).await;
        assert_eq!(tries, Limits::default().attempts);
        assert_eq!(outcome.unwrap_err().retry, Retry::Persistent);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_never_answers_ends() {
        let outcome: Result<(), _> =
            Layers::default().call(Call::read("s3:x", "bucket b"), std::future::pending).await;
        let error = outcome.unwrap_err();
        assert!(error.is(ErrorKind::Unreachable));
        assert!(error.cause.contains("no answer within"), "{error}");
    }

    /// A service that lets through so many calls a second, with a bucket of one second.
    struct Service {
        rate: f64,
        tokens: Mutex<(f64, Instant)>,
    }

    impl Service {
        fn ask(&self) -> Result<(), ProviderError> {
            let mut bucket = self.tokens.lock().unwrap();
            let now = Instant::now();
            let refill = now.duration_since(bucket.1).as_secs_f64() * self.rate;
            *bucket = ((bucket.0 + refill).min(self.rate.max(1.0)), now);
            if bucket.0 < 1.0 {
                return Err(error(ErrorKind::Throttled));
            }
            bucket.0 -= 1.0;
            Ok(())
        }
    }

    /// Virtual time: what is tested is the schedule, not this machine.
    #[tokio::test(start_paused = true)]
    async fn many_reads_take_little_longer_than_the_allowance_asks() {
        use futures::StreamExt;
        // At one a second and no burst, a call that comes a moment early costs a turn.
        for (rate, calls, most) in [(20.0, 400, 1.15), (5.0, 150, 1.15), (1.0, 40, 1.5)] {
            let limits = Limits { deadline: Duration::from_secs(600), ..Limits::default() };
            let layers = Layers::new(limits);
            let service = Service { rate, tokens: Mutex::new((rate, Instant::now())) };
            let began = Instant::now();
            let results: Vec<_> =
                futures::stream::iter(0..calls)
                    .map(|_| {
                        let (layers, service) = (&layers, &service);
                        async move {
                            layers.call(Call::read("s3:x", "b"), || async { service.ask() }).await
                        }
                    })
                    .buffered(16)
                    .collect()
                    .await;
            assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().find(|r| r.is_err()));
            let took = began.elapsed().as_secs_f64();
            let ideal = (f64::from(calls) - rate) / rate;
            assert!(took / ideal < most, "{rate}/s: {took:.1} s, ideal {ideal:.1} s");
        }
    }
}
