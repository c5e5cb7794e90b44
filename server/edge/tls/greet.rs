//! The handshake.

use std::{io, time::Duration};

use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Tls;

/// A handshake must be complete within this time.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How a connection to a port with TLS begins.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub(in crate::edge) enum Greeted {
    /// The peer speaks TLS.
    Tls(TlsStream<TcpStream>),
    /// The peer speaks HTTP. Nothing was read.
    Plain(TcpStream),
}

impl Tls {
    /// Shakes hands.
    ///
    /// # Errors
    /// When that fails, or takes too long.
    pub(in crate::edge) async fn greet(&self, socket: TcpStream) -> io::Result<Greeted> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long");
        tokio::time::timeout(HANDSHAKE, self.shake_hands(socket)).await.map_err(late)?
    }

    async fn shake_hands(&self, socket: TcpStream) -> io::Result<Greeted> {
        let mut first = [0];
        socket.peek(&mut first).await?;
        // Requests begin with a method; no record of TLS begins with a letter.
        if first[0].is_ascii_uppercase() {
            return Ok(Greeted::Plain(socket));
        }
        Ok(Greeted::Tls(TlsAcceptor::from(self.0.load_full()).accept(socket).await?))
    }
}
