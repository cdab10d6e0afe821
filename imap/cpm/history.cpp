#include "imap/cpm/history.h"

#include <map>
#include <set>
#include <string>

namespace cpm::imap::cpm_objects {

namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

std::vector<History> histories(std::vector<schema::HistoryRow> mailboxes, std::span<const std::string> roots) {
  std::map<std::string, HistoryKind> kinds;
  std::set<std::string> roots_seen;
  for (const schema::HistoryRow& row : mailboxes) {
    const Place place = place_of(row.path, roots);
    if (place.kind == Place::Kind::conversation) kinds[row.path] = HistoryKind::conversation;
    if (place.kind == Place::Kind::session) kinds[row.path] = HistoryKind::session;
    if (place.kind == Place::Kind::root) roots_seen.insert(row.path);
    if (place.kind == Place::Kind::none && row.session_info.value > 0) kinds[row.path] = HistoryKind::session;
  }
  std::map<std::string, std::uint32_t> sessions;
  for (const schema::HistoryRow& row : mailboxes) {
    const auto found = kinds.find(row.path);
    if (found == kinds.end() || found->second != HistoryKind::session) continue;
    const std::string parent = parent_of(row.path);
    if (parent.empty() || parent == "INBOX" || roots_seen.contains(parent)) continue;
    ++sessions[parent];
    kinds.emplace(parent, HistoryKind::conversation);
  }
  std::vector<History> out;
  for (schema::HistoryRow& row : mailboxes) {
    const auto found = kinds.find(row.path);
    if (found == kinds.end()) continue;
    const auto counted = sessions.find(row.path);
    out.push_back({found->second, std::move(row), counted == sessions.end() ? 0 : counted->second});
  }
  return out;
}

}  // namespace cpm::imap::cpm_objects
