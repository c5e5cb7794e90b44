//! Bytes in pieces, as a network would cut them.

/// How to cut.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Not at all.
    Whole,
    /// After every byte.
    Bytes,
    /// At places that this number chooses.
    Random(u32),
}

/// Cuts. Empty pieces occur.
pub fn pieces(mut bytes: &[u8], cut: Cut) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut state = match cut {
        Cut::Whole => return vec![bytes],
        Cut::Bytes => return bytes.chunks(1).collect(),
        Cut::Random(seed) => u64::from(seed) | 1 << 32,
    };
    while !bytes.is_empty() {
        // Xorshift: the same seed cuts the same way.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let most = if state & 7 == 0 { 256 } else { 8 };
        let length = usize::try_from((state >> 8) % most).unwrap_or(1).min(bytes.len());
        let (piece, rest) = bytes.split_at(length);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
