"""Python's own echo server, with the same wire behaviour as ours: echo_python.py threading|forking"""
import socketserver
import sys


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)


kind = {'threading': socketserver.ThreadingTCPServer, 'forking': socketserver.ForkingTCPServer}[sys.argv[1]]
kind.request_queue_size = 4096  # its 5 would measure retransmissions
with kind(('127.0.0.1', 0), EchoHandler) as server:
    print('127.0.0.1:%d' % server.server_address[1], flush=True)
    server.serve_forever()
