#include "imap/session/session_list.h"

namespace cpm::imap {

void SessionList::add(const SessionInfo& info, SessionControl control) {
  const std::lock_guard lock(mutex_);
  sessions_[info.id] = Entry{info, std::move(control), AccountId{}};
}

void SessionList::remove(const std::string& id) {
  leave_account(id);
  const std::lock_guard lock(mutex_);
  sessions_.erase(id);
}

void SessionList::update(const std::string& id, const std::function<void(SessionInfo&)>& change) {
  const std::lock_guard lock(mutex_);
  if (const auto at = sessions_.find(id); at != sessions_.end()) change(at->second.info);
}

bool SessionList::enter_account(const std::string& id, AccountId account, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return false;
  std::size_t& count = per_account_[account.value];
  if (limit != 0 && count >= limit) return false;
  ++count;
  at->second.account = account;
  return true;
}

void SessionList::leave_account(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto at = sessions_.find(id);
  if (at == sessions_.end() || !at->second.account) return;
  const auto count = per_account_.find(at->second.account.value);
  if (count != per_account_.end() && --count->second == 0) per_account_.erase(count);
  at->second.account = AccountId{};
}

std::vector<SessionInfo> SessionList::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<SessionInfo> all;
  for (const auto& [id, entry] : sessions_) all.push_back(entry.info);
  return all;
}

bool SessionList::kick(const std::string& id, const std::string& text) {
  const std::lock_guard lock(mutex_);
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return false;
  at->second.control.terminate(text);
  return true;
}

bool SessionList::trace(const std::string& id, bool on) {
  const std::lock_guard lock(mutex_);
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return false;
  at->second.info.trace = on;
  at->second.control.trace(on);
  return true;
}

std::size_t SessionList::kick_user(const std::string& user, const std::string& text) {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (auto& [id, entry] : sessions_) {
    if (entry.info.user != user) continue;
    entry.control.terminate(text);
    ++count;
  }
  return count;
}

std::size_t SessionList::terminate_all(const std::string& text) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : sessions_) entry.control.terminate(text);
  return sessions_.size();
}

std::size_t SessionList::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace cpm::imap
