//! A database of one's own.

use std::path::PathBuf;

use crate::cluster::{self, Cluster};

/// A fresh, empty database on the run's server; removed when dropped.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: Cluster,
    name: String,
}

impl TestDatabase {
    /// Makes one, and the server too if this is the first.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn fresh() -> Self {
        let cluster = Cluster::of_this_run();
        let name = format!("test_{}", cluster::random());
        cluster.psql("postgres", &format!("CREATE DATABASE {name}"));
        Self { cluster, name }
    }

    /// Its address by the server's socket.
    #[must_use]
    pub fn url(&self) -> String {
        let folder = self.cluster.folder.to_string_lossy().replace('/', "%2F");
        format!(
            "postgres://watchroom@{folder}:{}/{}",
            self.cluster.port, self.name
        )
    }

    /// Its address by TCP without TLS, by way of a port of this machine: the server's own, or that of somebody who
    /// passes on what is said.
    #[must_use]
    pub fn tcp_url(&self, port: u16) -> String {
        format!("postgres://watchroom@127.0.0.1:{port}/{}", self.name)
    }

    /// The server's own port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// Its address by TLS, under this name of the machine; the certificate is for `localhost` alone.
    #[must_use]
    pub fn tls_url(&self, host: &str) -> String {
        format!(
            "postgres://watchroom@{host}:{}/{}?sslmode=verify-full",
            self.cluster.port, self.name
        )
    }

    /// The authority that signed the server's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.cluster.folder.join(cluster::AUTHORITY)
    }

    /// Runs SQL as somebody with a database shell would; what it printed, bare.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use = "use `run` where no answer is wanted"]
    pub fn ask(&self, sql: &str) -> String {
        self.cluster.psql(&self.name, sql)
    }

    /// Runs SQL whose answer does not matter.
    ///
    /// # Panics
    /// If it is refused.
    pub fn run(&self, sql: &str) {
        self.cluster.psql(&self.name, sql);
    }

    /// Ends all sessions and lets nobody in, as if the server had gone.
    ///
    /// # Panics
    /// If that fails.
    pub fn go_away(&self) {
        // The owner of everything is let in wherever connections are allowed at all.
        let name = &self.name;
        self.cluster.psql(
            "postgres",
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        );
        self.end_sessions("");
    }

    /// Lets everybody in again.
    ///
    /// # Panics
    /// If that fails.
    pub fn come_back(&self) {
        let name = &self.name;
        self.cluster.psql(
            "postgres",
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
        );
    }

    /// Ends all sessions whose name on the server begins like this.
    ///
    /// # Panics
    /// If that fails.
    pub fn end_sessions(&self, named: &str) {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity \
             WHERE datname = '{}' AND starts_with(application_name, '{named}')",
            self.name
        );
        self.cluster.psql("postgres", &sql);
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // At the latest it goes with the server.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        self.cluster.try_psql("postgres", &sql).ok();
    }
}
