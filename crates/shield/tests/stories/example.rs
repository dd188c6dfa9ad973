//! The example of the crate, as somebody who copies it would meet it.

#[expect(dead_code, reason = "the example's own main is not called here")]
#[path = "../../examples/protect.rs"]
mod protect;

use tokio::net::{TcpListener, TcpStream};
use watchroom_kit::Ambient;

use super::room::{line, say, slug, status};

#[tokio::test]
async fn a_plain_axum_program_is_guarded_by_a_few_lines() {
    let (ambient, listener) = (Ambient::system(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let serving = ambient
        .tasks
        .spawn_graceful("protected", protect::protect(listener, ambient.clone()));
    let ask = async |request: &str, host: &str| {
        let stream = TcpStream::connect(address).await.unwrap();
        say(
            stream,
            format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        )
        .await
    };
    let page = ask("GET /", "127.0.0.1").await;
    assert_eq!(status(&page), 200);
    assert_eq!(line(&page, "x-frame-options"), Some("DENY"));
    let elsewhere = ask("GET /", "attacker.example").await;
    assert_eq!(
        (status(&elsewhere), slug(&elsewhere).as_str()),
        (421, "wrong-host")
    );
    for _ in 0..5 {
        assert_eq!(status(&ask("POST /sign-in", "127.0.0.1").await), 200);
    }
    assert_eq!(status(&ask("POST /sign-in", "127.0.0.1").await), 429);
    assert_eq!(status(&ask("GET /", "127.0.0.1").await), 200);
    ambient.tasks.stop();
    serving.await.unwrap();
}
