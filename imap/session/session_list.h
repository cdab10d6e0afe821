// SessionList: who is connected, for limits (sessions per account), `cpmctl session list|kick` and shutdown.
// Runs on: any thread; one mutex.
#pragma once

#include "base/ids.h"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace cpm::imap {

struct SessionInfo {
  std::string id;
  std::string peer;
  std::string user;    // address acted for; empty before login
  std::string actor;   // service identity, when it is not the user
  std::string client;  // RFC 2971 ID
  std::string mailbox;
  std::string command;  // running now, or the last one
  bool tls = false;
  bool trace = false;  // its protocol goes to the log
  std::chrono::sys_seconds since;
};

// What others may do to a session. Callable from any thread; done soon, on the session's strand.
struct SessionControl {
  std::function<void(std::string text)> terminate;  // with BYE and this text
  std::function<void(bool on)> trace;               // the protocol trace (imap/session/trace.h)
};

class SessionList {
 public:
  void add(const SessionInfo& info, SessionControl control);
  void remove(const std::string& id);
  void update(const std::string& id, const std::function<void(SessionInfo&)>& change);

  // Counts the session for its account; false when the account has `limit` already (0: no limit).
  [[nodiscard]] bool enter_account(const std::string& id, AccountId account, std::size_t limit);
  void leave_account(const std::string& id);

  [[nodiscard]] std::vector<SessionInfo> list() const;
  bool kick(const std::string& id, const std::string& text);
  bool trace(const std::string& id, bool on);  // false: no such session
  std::size_t kick_user(const std::string& user, const std::string& text);
  std::size_t terminate_all(const std::string& text);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    SessionInfo info;
    SessionControl control;
    AccountId account;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry> sessions_;            // protected by mutex_
  std::map<std::int64_t, std::size_t> per_account_;  // protected by mutex_
};

}  // namespace cpm::imap
