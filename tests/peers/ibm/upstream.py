"""An upstream that does as the name of the model says, and keeps what it was asked."""

import http.server
import json
import threading

MODELS = {"object": "list", "data": [{"id": "tiny", "object": "model", "created": 1767225600, "owned_by": "maker"}]}
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def reply(path, model):
    """What the vendor would say in one piece, and the parts of a stream."""
    head = {"id": "answer-1", "created": 1767225600, "model": model}
    if path.endswith("/chat/completions"):
        end = {"index": 0, "finish_reason": "stop"}
        message = {"role": "assistant", "content": "Hello"}
        whole = {**head, "object": "chat.completion", "choices": [{**end, "message": message}], "usage": USAGE}
        return whole, [{**head, "object": "chat.completion.chunk", "choices": [{**end, "delta": message}]}]
    choice = {"index": 0, "text": "Hello", "finish_reason": "stop"}
    part = {**head, "object": "text_completion", "choices": [choice]}
    return {**part, "usage": USAGE}, [part]


class Upstream:
    """Answers chats and completions; a model `fails-STATUS` with that status, the streams of `breaks-off` without their end."""

    def __init__(self):
        self.asked = []
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer(200, "application/json", json.dumps(MODELS))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                upstream.asked.append(body)
                model = body["model"]
                if model.startswith("fails-"):
                    self.answer(int(model.removeprefix("fails-")), "application/json", '{"error": {"message": "as asked"}}')
                    return
                whole, parts = reply(self.path, model)
                if body.get("stream"):
                    events = [*parts, {**parts[0], "choices": [], "usage": USAGE}]
                    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
                    if model == "breaks-off":
                        parts[0]["choices"][0]["finish_reason"] = None
                        text = f"data: {json.dumps(parts[0])}\n\n"
                    self.answer(200, "text/event-stream", text)
                else:
                    self.answer(200, "application/json", json.dumps(whole))

            def answer(self, status, kind, text):
                body = text.encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
