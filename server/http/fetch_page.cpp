// fetch_page: one connection, one request, one page.
#include "server/http/fetch_page.h"

#include <memory>
#include <utility>

#include "common/escape.h"
#include "server/http/response_parser.h"
#include "server/http/url.h"

namespace http {
namespace {

// What the factory, the protocol and the deadline share (shared_ptr: whichever of them ends last): who is to be told,
// and whether that has been done.
class Fetch {
 public:
  Fetch(std::string url, OnPage on_page, OnError on_error)
      : url_(std::move(url)), on_page_(std::move(on_page)), on_error_(std::move(on_error)) {}

  [[nodiscard]] bool settled() const noexcept { return settled_; }

  void succeed(const Page& page) {
    if (settle() && on_page_) on_page_(page);
  }
  void fail(std::string_view why) {
    if (settle() && on_error_) on_error_("fetching " + farhand::escape_for_display(url_) + ": " + std::string(why));
  }
  void time_out() {
    const auto transport = transport_.lock();
    if (transport) transport->abort_connection();
    connector_.stop_connecting();
    fail("it took longer than its deadline");
  }

  void set_deadline(events::DelayedCall deadline) { deadline_ = std::move(deadline); }
  void set_connector(events::Connector connector) { connector_ = std::move(connector); }
  void set_transport(std::weak_ptr<events::Transport> transport) { transport_ = std::move(transport); }

 private:
  bool settle() {
    deadline_.cancel();
    return !std::exchange(settled_, true);
  }

  std::string url_;
  OnPage on_page_;
  OnError on_error_;
  bool settled_ = false;
  events::DelayedCall deadline_;
  events::Connector connector_;
  std::weak_ptr<events::Transport> transport_;
};

class FetchProtocol final : public events::Protocol {
 public:
  FetchProtocol(std::shared_ptr<Fetch> fetch, const Url& url, std::size_t max_page_bytes)
      : fetch_(std::move(fetch)), url_(url), parser_(max_page_bytes) {}

  void connection_made() override {
    fetch_->set_transport(transport().weak_from_this());
    transport().write("GET " + url_.target + " HTTP/1.1\r\nHost: " + url_.host_field +
                      "\r\nUser-Agent: farhand/" FARHAND_VERSION "\r\nAccept: */*\r\nConnection: close\r\n\r\n");
  }
  void data_received(farhand::Bytes data) override { look_at(parser_.feed(farhand::text_of(data))); }
  void read_connection_lost() override { look_at(parser_.end()); }
  void connection_lost(const events::Reason& reason) override { fetch_->fail(reason.to_string()); }

 private:
  void look_at(ResponseParser::State state) {
    if (state != ResponseParser::State::kDone && state != ResponseParser::State::kFailed) return;
    transport().lose_connection();
    if (state == ResponseParser::State::kDone) {
      fetch_->succeed(parser_.page());
    } else {
      fetch_->fail(parser_.failure());
    }
  }

  std::shared_ptr<Fetch> fetch_;
  const Url url_;
  ResponseParser parser_;
};

class FetchFactory final : public events::ClientFactory {
 public:
  FetchFactory(std::shared_ptr<Fetch> fetch, Url url, std::size_t max_page_bytes)
      : fetch_(std::move(fetch)), url_(std::move(url)), max_page_bytes_(max_page_bytes) {}

  std::unique_ptr<events::Protocol> build_protocol(const socketserver::Address&) override {
    if (fetch_->settled()) return nullptr;
    return std::make_unique<FetchProtocol>(fetch_, url_, max_page_bytes_);
  }
  void client_connection_failed(const events::Reason& reason) override { fetch_->fail(reason.to_string()); }

 private:
  std::shared_ptr<Fetch> fetch_;
  Url url_;
  std::size_t max_page_bytes_;
};

}  // namespace

void fetch_page(events::Reactor& reactor, std::string_view url, OnPage on_page, OnError on_error,
                FetchOptions options) {
  auto fetch = std::make_shared<Fetch>(std::string(url), std::move(on_page), std::move(on_error));
  auto parsed = parse_url(url);
  if (const auto* refusal = refusal_in(parsed)) {
    reactor.call_later(std::chrono::milliseconds(0), [fetch, why = refusal->sentence] { fetch->fail(why); });
    return;
  }
  auto& parts = std::get<Url>(parsed);
  fetch->set_deadline(reactor.call_later(options.deadline, [fetch] { fetch->time_out(); }));
  const auto [host, port] = std::pair(parts.host, parts.port);
  auto factory = std::make_shared<FetchFactory>(fetch, std::move(parts), options.max_page_bytes);
  fetch->set_connector(reactor.connect_tcp(host, port, std::move(factory), options.deadline));
}

}  // namespace http
