//! HTTP/2 frames as they come in, followed just far enough to tell when one is late.

/// Length, type, flags and stream (RFC 9113, 4.1).
const FRAME_HEAD: usize = 9;
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_HEADERS: u8 = 0x4;

/// Follows the frames of one connection, from behind the preface on.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; FRAME_HEAD],
    /// So many bytes of the frame's head are there.
    filled: usize,
    /// So many bytes of its payload are not.
    left: usize,
    /// The head of a request is there in part.
    in_headers: bool,
    /// What had to come in whole and did.
    whole: usize,
}

impl Frames {
    /// Takes what came in.
    pub(super) fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.filled < FRAME_HEAD {
                let count = bytes.len().min(FRAME_HEAD - self.filled);
                self.head[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
                self.filled += count;
                bytes = &bytes[count..];
                if self.filled < FRAME_HEAD {
                    return;
                }
                let [a, b, c, ..] = self.head;
                self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            }
            let count = bytes.len().min(self.left);
            self.left -= count;
            bytes = &bytes[count..];
            if self.left == 0 {
                self.end_frame();
            }
        }
    }

    /// Whether something has begun that must come in whole without delay: the settings at the beginning, the head of a
    /// request, any frame but one of a body.
    pub(super) fn is_open(&self) -> bool {
        let in_frame = self.filled > 0 && (self.filled < FRAME_HEAD || self.kind() != DATA);
        self.whole == 0 || self.in_headers || in_frame
    }

    /// How many of those have come in. While it stays the same, it is the same one that is open.
    pub(super) fn whole(&self) -> usize {
        self.whole
    }

    fn end_frame(&mut self) {
        let kind = self.kind();
        if kind == HEADERS || kind == CONTINUATION {
            self.in_headers = self.head[4] & END_HEADERS == 0;
        }
        if kind != DATA && !self.in_headers {
            self.whole = self.whole.wrapping_add(1).max(1);
        }
        self.filled = 0;
    }

    fn kind(&self) -> u8 {
        self.head[3]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], vec![0; length.into()].as_slice()].concat()
    }

    fn heard(bytes: &[u8]) -> Frames {
        let mut frames = Frames::default();
        frames.hear(bytes);
        frames
    }

    #[test]
    fn what_must_come_in_whole_is_open_until_it_did() {
        let settings = frame(0x4, 0, 6);
        assert!(heard(b"").is_open(), "settings come first");
        let after = |bytes: &[u8]| heard(&[settings.as_slice(), bytes].concat());
        assert!(!after(b"").is_open());
        let headers = [frame(HEADERS, 0, 3), frame(CONTINUATION, 0, 3)].concat();
        for end in 1..=headers.len() {
            assert!(after(&headers[..end]).is_open(), "{end}");
        }
        let whole = [headers, frame(CONTINUATION, END_HEADERS, 3)].concat();
        assert!(!after(&whole).is_open());
        assert!(
            !after(&[whole, frame(DATA, 0, 9)[..12].to_vec()].concat()).is_open(),
            "a body has its own time"
        );
        assert!(after(&frame(0x6, 0, 8)[..12]).is_open());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_reads_are_cut(
            frames in proptest::collection::vec((0..10_u8, 0..8_u8, 0..20_u8), 0..12), cuts in proptest::collection::vec(1..30_usize, 1..40),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(kind, flags, length)| frame(*kind, *flags, *length)).collect();
            let (mut cut, mut rest) = (Frames::default(), bytes.as_slice());
            for length in cuts {
                let (now, later) = rest.split_at(length.min(rest.len()));
                cut.hear(now);
                rest = later;
            }
            cut.hear(rest);
            let whole = heard(&bytes);
            prop_assert_eq!((cut.is_open(), cut.whole()), (whole.is_open(), whole.whole()));
        }
    }
}
