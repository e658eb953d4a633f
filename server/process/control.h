// Control: the channel between the server's process and one that serves a connection. Small fixed structures over a
// SOCK_SEQPACKET pair; nothing that a peer has sent is ever in them, nothing in them has to be parsed, and whatever is
// not exactly as it should be is taken for the word of a broken process.
//
//   child -> parent   kLoggedIn (whose rights), kRequest (may I make one?), kLeaves (how)
//   parent -> child   kYes, kNo (why): to a kLoggedIn that names rights, and to each kRequest
//                     kEnd (now: the rights have ended, or the server does; why)
//
// Ownership: each end owns its descriptor. make_control() before the fork; each side then drops the other's end.
// Threads:   one on each side.
// Errors:    make_control throws std::system_error. A parent's end that hears nonsense is broken(); a child whose
// parent
//            is gone has been told to end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"
#include "server/limits/visit.h"

namespace farhand {

// Which rights a session has: a digest of them, by which both sides know that they mean the same.
using KeyNumber = std::array<std::uint8_t, 32>;

// The parent's end.
class ControlOfChild {
 public:
  explicit ControlOfChild(UniqueFd end) noexcept : end_(std::move(end)) {}

  struct Report {
    std::optional<KeyNumber> logged_in;
    bool asks = false;  // whether it may make a request; with neither it leaves:
    Departure leaves = Departure::kWell;
  };
  // What the child says next; nothing if it says nothing now, has ended its side, or is broken. Never waits.
  std::optional<Report> hear();

  // Answers a login that names rights, or a request. `reason` is cut where it is too long. Never waits.
  void answer(const Result<void>& verdict) noexcept;

  // Tells it to end now. Never waits; a child that does not listen is the caller's to kill.
  void end_now(std::string_view reason = {}) noexcept;

  [[nodiscard]] int fd() const noexcept { return end_.get(); }    // readable: hear()
  [[nodiscard]] bool ended() const noexcept { return ended_; }    // the child's side is closed
  [[nodiscard]] bool broken() const noexcept { return broken_; }  // it said what no child of ours says: kill it

 private:
  enum class State : std::uint8_t { kBeforeLogin, kLoggedIn, kLeaving };
  std::optional<Report> take(const void* bytes, std::size_t size);
  UniqueFd end_;
  State state_ = State::kBeforeLogin;
  bool ended_ = false;
  bool broken_ = false;
};

// The child's end: its session's Visit.
class ControlOfParent final : public Visit {
 public:
  explicit ControlOfParent(UniqueFd end) noexcept : end_(std::move(end)) {}
  ~ControlOfParent() override;

  // Whose session it is going to be; to be said before logged_in(), and all zero for the server's own user.
  void set_key(const KeyNumber& key) noexcept { key_ = key; }
  void logged_in() override;  // unless enter() has said it

  // Says whose session it is going to be, and waits for the parent's word. The parent's kBusy or kRefused; kInterrupted
  // if it says that the session must end, or is gone.
  Result<void> enter(const KeyNumber& key);
  // Asks for one request, after enter().
  Result<void> take_request();
  void leaves(Departure how) override { how_ = how; }

  // Readable once the session must end: the parent says so, or is gone. To be polled, and not read.
  [[nodiscard]] int fd() const noexcept { return end_.get(); }
  [[nodiscard]] std::string end_reason() const;  // empty until the parent has said that it must end

 private:
  Result<void> hear_answer();
  UniqueFd end_;
  KeyNumber key_{};
  bool told_login_ = false;
  std::optional<Departure> how_;
};

struct ControlPair {
  UniqueFd parents;
  UniqueFd childs;
};
ControlPair make_control();

}  // namespace farhand
