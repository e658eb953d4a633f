// Control: the channel between the server's process and one that serves a connection: a SOCK_SEQPACKET pair. Nothing
// that a peer has sent is in its fixed structures, nothing in them has to be parsed, and whatever is not exactly as it
// should be is taken for the word of a broken process.
//
//   child -> parent   kEnter (may a session of this key begin?), kLoggedIn, kRequest (may I make one?), kLeaves (how)
//                     kAudit (a line's fields; text, which the parent has to judge)
//   parent -> child   kYes, kNo (why): to kEnter and to each kRequest
//                     kEnd (now: the rights have ended, or the server does; why)
//
//   before login --kEnter--> entered --kLoggedIn--> logged in (kRequest...) --kLeaves--> silence
//        +----------------kLoggedIn (no key)-----------^        kAudit: until kLeaves
//
// Descriptors cannot be passed to the parent where the kernel can forbid it (SO_PASSRIGHTS, Linux 6.16), since to close
// what comes (a socket that lingers, a file of a hung file system) could hold the parent up.
//
// Ownership: each end owns its descriptor. make_control() before the fork; each side then drops the other's end. What
//            the child forks may use its end as well, one at a time.
// Threads:   one on each side.
// Errors:    make_control throws std::system_error. A parent's end that hears nonsense is broken(); a child whose
//            parent is gone has been told to end.
#pragma once

#include <sys/types.h>

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

// A line of the audit is not longer.
inline constexpr std::size_t kMaxAuditFields = 32 << 10;

// The parent's end.
class ControlOfChild {
 public:
  explicit ControlOfChild(UniqueFd end) noexcept : end_(std::move(end)) {}

  struct Report {
    enum class What : std::uint8_t { kEnters, kLoggedIn, kAsks, kLeaves, kWrites };
    What what{};
    KeyNumber key{};                      // kEnters
    Departure leaves = Departure::kWell;  // kLeaves
    std::string fields{};                 // kWrites: whatever the sender has put there
    pid_t process = 0;                    // whose word it is, the kernel says
    uid_t user = static_cast<uid_t>(-1);
  };
  // What the child says next; nothing if it says nothing now, has ended its side, or is broken. Never waits.
  std::optional<Report> hear();

  // Nothing more can be said; hear() comes to an end after what was.
  void close_ears() noexcept;

  // Answers kEnters or kAsks. `reason` is cut where it is too long. Never waits.
  void answer(const Result<void>& verdict) noexcept;

  // Tells it to end now. Never waits; a child that does not listen is the caller's to kill.
  void end_now(std::string_view reason = {}) noexcept;

  void set_broken() noexcept { broken_ = true; }  // what it wrote was not what it should be

  [[nodiscard]] int fd() const noexcept { return end_.get(); }    // readable: hear()
  [[nodiscard]] bool ended() const noexcept { return ended_; }    // the child's side is closed
  [[nodiscard]] bool broken() const noexcept { return broken_; }  // it said what no child of ours says: kill it

 private:
  enum class State : std::uint8_t { kBeforeLogin, kEntered, kLoggedIn, kLeaving };
  std::optional<Report> take(std::string_view packet);
  bool step(Report::What what) noexcept;
  UniqueFd end_;
  State state_ = State::kBeforeLogin;
  bool ended_ = false;
  bool broken_ = false;
};

// The child's end: its session's Visit.
class ControlOfParent final : public Visit {
 public:
  explicit ControlOfParent(UniqueFd end) noexcept : end_(std::move(end)) {}
  ~ControlOfParent() override { tell_departure(); }

  // Says whose session it is going to be, and waits for the parent's word. The parent's kBusy or kRefused; kInterrupted
  // if it says that the session must end, or is gone.
  Result<void> enter(const KeyNumber& key);
  void logged_in() override;
  // Asks for one request, after enter() and logged_in().
  Result<void> take_request();
  void leaves(Departure how) override { how_ = how; }
  // Says what leaves() has said last, as the destructor does; for a process that ends without it. Nothing may follow.
  void tell_departure() noexcept;

  // Hands on a line's fields. Waits, but not long, while the parent is behind. False: it was not to be had in time, or
  // the line is too long.
  bool write_down(std::string_view fields) noexcept;

  // Readable once the session must end: the parent says so, or is gone. To be polled, and not read.
  [[nodiscard]] int fd() const noexcept { return end_.get(); }
  [[nodiscard]] std::string end_reason() const;  // empty until the parent has said that it must end

 private:
  Result<void> hear_answer();
  UniqueFd end_;
  std::optional<Departure> how_;
};

struct ControlPair {
  UniqueFd parents;
  UniqueFd childs;
};
ControlPair make_control();

// From now on nobody can pass a descriptor to whoever reads from `socket`, a Unix one; nothing happens on kernels that
// cannot forbid it. False there.
bool refuse_descriptors(int socket) noexcept;

}  // namespace farhand
