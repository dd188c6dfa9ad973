//! One hash thread: what it computes, in memory that it keeps from one hash to the next and gives back at rest.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use watchroom_kit::{Entropy, ExposeSecret, SecretString, give_way};

use super::{HashError, Job, Verdict, Work, broken};

/// How far the thread gives way, in steps of niceness: enough that sign-ins delay nobody, and not so far
/// that they come to a stand on a busy machine.
const GIVES_WAY: u8 = 10;

/// After so long without work a thread gives its memory back: most of the day nobody signs in.
const RESTS_AFTER: Duration = Duration::from_secs(5);

/// Blocks (of 1 KiB) that are reserved at least, though not touched. Above 32 MiB the C library's allocator
/// always maps memory of its own and unmaps it when it is freed; below, it may keep what is freed.
const LEAST_RESERVED: usize = 33 << 10;

/// What one thread works with.
pub(super) struct Worker {
    params: Params,
    entropy: Entropy,
    memory: Vec<Block>,
}

impl Worker {
    pub(super) fn new(params: Params, entropy: Entropy) -> Self {
        Self {
            params,
            entropy,
            memory: Vec::new(),
        }
    }

    /// Works until nobody can send any more.
    pub(super) fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        if let Err(error) = give_way(GIVES_WAY) {
            tracing::warn!(%error, "the hash threads could not lower their priority; sign-ins may delay others");
        }
        loop {
            let Job { work, ticket } = match self.next(jobs) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    self.memory = Vec::new();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Whoever asked may have hung up meanwhile: then the work is spared, or its answer has no reader.
            match work {
                Work::Hash { password, answer } if !answer.is_closed() => {
                    let hash = self.hash(&password);
                    drop(ticket);
                    _ = answer.send(hash);
                }
                Work::Verify {
                    password,
                    against,
                    answer,
                } if !answer.is_closed() => {
                    let verdict = self.verify(&password, &against);
                    drop(ticket);
                    _ = answer.send(verdict);
                }
                Work::Hash { .. } | Work::Verify { .. } => {}
            }
        }
    }

    /// The next job; waits for it without an end once there is no memory to give back.
    fn next(&self, jobs: &Mutex<Receiver<Job>>) -> Result<Job, RecvTimeoutError> {
        let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if self.memory.capacity() == 0 {
            return Ok(jobs.recv()?);
        }
        jobs.recv_timeout(RESTS_AFTER)
    }

    pub(super) fn hash(&mut self, password: &SecretString) -> Result<String, HashError> {
        let salt = self.entropy.bytes::<{ Salt::RECOMMENDED_LENGTH }>();
        let params = self.params.clone();
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        self.compute(&params, password, &salt, &mut output)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(broken)?,
            salt: Some(Salt::new(&salt).map_err(broken)?),
            hash: Some(Output::new(&output).map_err(broken)?),
        };
        Ok(hash.to_string())
    }

    fn verify(&mut self, password: &SecretString, against: &str) -> Result<Verdict, HashError> {
        let stored = PasswordHash::new(against).map_err(broken)?;
        let (Some(salt), Some(wanted)) = (stored.salt, stored.hash) else {
            return Err(HashError::Broken(
                "the stored hash lacks its salt or output".to_owned(),
            ));
        };
        if stored.algorithm != Algorithm::Argon2id.ident() {
            return Err(HashError::Broken("the stored hash is not Argon2id".to_owned()));
        }
        let params = Params::try_from(&stored).map_err(broken)?;
        let mut output = vec![0; wanted.len()];
        self.compute(&params, password, salt.as_ref(), &mut output)?;
        // Output compares in constant time.
        if Output::new(&output).map_err(broken)? != wanted {
            return Ok(Verdict::Wrong);
        }
        let stronger = if self.has_risen_above(&params) {
            Some(self.hash(password)?)
        } else {
            None
        };
        Ok(Verdict::Right { stronger })
    }

    fn has_risen_above(&self, stored: &Params) -> bool {
        let ours = &self.params;
        ours.m_cost() > stored.m_cost() || ours.t_cost() > stored.t_cost() || ours.p_cost() > stored.p_cost()
    }

    fn compute(
        &mut self,
        params: &Params,
        password: &SecretString,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), HashError> {
        if self.memory.capacity() == 0 {
            self.memory
                .reserve_exact(params.block_count().max(LEAST_RESERVED));
        }
        self.memory.resize(params.block_count(), Block::default());
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
            .hash_password_into_with_memory(
                password.expose_secret().as_bytes(),
                salt,
                output,
                self.memory.as_mut_slice(),
            )
            .map_err(broken)
    }
}
