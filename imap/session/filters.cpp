#include "imap/session/filters.h"

#include "imap/grammar/search_filter.h"
#include "schema/metadata.h"

#include <algorithm>
#include <map>
#include <set>

namespace cpm::imap {

namespace {

constexpr std::size_t kNamesAtATime = 16;

std::string private_key(const std::string& name) {
  return schema::MetadataEntry("/private/filters/values/" + name).key();
}
std::string shared_key(const std::string& name) {
  return schema::MetadataEntry("/shared/filters/values/" + name).key();
}

// Names are compared without regard to case, as names of annotations are.
struct IgnoringCase {
  bool operator()(const std::string& a, const std::string& b) const { return wire::upper(a) < wire::upper(b); }
};

class Filters {
 public:
  explicit Filters(Session& session) : session_(session) {}

  // Reads and parses what `program` names, then what that names, and so on.
  boost::asio::awaitable<Result<void>> load(const SearchNode& program) {
    std::vector<std::string> wanted;
    collect(program, wanted);
    for (std::size_t pass = 0; !wanted.empty(); ++pass) {
      if (pass == session_.limits().filter_depth) co_return fail(Failure::no_filter, wanted.front());
      std::vector<std::string> next;
      for (std::size_t begin = 0; begin < wanted.size(); begin += kNamesAtATime) {
        const auto first = wanted.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto count = std::min(kNamesAtATime, wanted.size() - begin);
        const std::vector<std::string> names(first, first + static_cast<std::ptrdiff_t>(count));
        auto values = co_await read(names);
        if (!values) co_return values.error();
        for (const std::string& name : names) {
          auto parsed = parse(name, *values);
          if (!parsed) co_return parsed.error();
          collect(parsed_.at(name), next);
        }
      }
      wanted = std::move(next);
    }
    co_return Result<void>{};
  }

  Result<void> put_in(SearchNode& node) {
    if (++nodes_ > session_.limits().search_keys * 4) return fail(Failure::limit, "Too many search keys");
    if (node.kind != SearchNode::Kind::filter) {
      for (SearchNode& child : node.children) CPM_CHECK(put_in(child));
      return {};
    }
    const std::string name = node.text;
    const bool inside =
        std::any_of(open_.begin(), open_.end(), [&](const std::string& one) { return wire::iequals(one, name); });
    if (inside || open_.size() == session_.limits().filter_depth) return fail(Failure::no_filter, name);
    node = parsed_.at(name);
    open_.push_back(name);
    CPM_CHECK(put_in(node));
    open_.pop_back();
    return {};
  }

  [[nodiscard]] bool uses_modseq() const { return uses_modseq_; }

 private:
  void collect(const SearchNode& node, std::vector<std::string>& names) {
    if (node.kind == SearchNode::Kind::filter && seen_.insert(node.text).second) names.push_back(node.text);
    for (const SearchNode& child : node.children) collect(child, names);
  }

  boost::asio::awaitable<Result<std::map<std::string, std::string>>> read(const std::vector<std::string>& names) {
    std::vector<std::string> keys;
    for (const std::string& name : names) {
      keys.push_back(private_key(name));
      keys.push_back(shared_key(name));
    }
    auto work = [who = *session_.principal, keys](schema::Transaction& tx) {
      return schema::read_metadata(tx, schema::metadata_of_server(who), keys);
    };
    auto found = co_await session_.db(std::move(work), schema::Mode::reads);
    if (!found) co_return found.error();
    std::map<std::string, std::string> values;
    for (schema::MetadataValue& one : *found) values[one.key] = std::move(one.value);
    co_return values;
  }

  // The user's own filter goes before a shared one.
  Result<void> parse(const std::string& name, const std::map<std::string, std::string>& values) {
    auto value = values.find(private_key(name));
    if (value == values.end()) value = values.find(shared_key(name));
    if (value == values.end()) return fail(Failure::no_filter, name);
    octets_ += value->second.size();
    if (octets_ > session_.limits().command_literal_octets) return fail(Failure::limit, "Filters are too long");
    auto filter = grammar::parse_stored_filter(value->second, session_.parse_context(), keys_);
    if (!filter) return fail(Failure::no_filter, name, filter.error().text);
    keys_ = filter->keys;
    uses_modseq_ = uses_modseq_ || filter->uses_modseq;
    parsed_.emplace(name, std::move(filter->program));
    return {};
  }

  Session& session_;
  std::map<std::string, SearchNode, IgnoringCase> parsed_;
  std::set<std::string, IgnoringCase> seen_;
  std::vector<std::string> open_;  // filters that put_in() is inside of
  std::size_t octets_ = 0, keys_ = 0, nodes_ = 0;
  bool uses_modseq_ = false;
};

}  // namespace

bool uses_filters(const SearchNode& program) {
  return program.kind == SearchNode::Kind::filter ||
         std::any_of(program.children.begin(), program.children.end(), uses_filters);
}

boost::asio::awaitable<Result<Expansion>> expand_filters(Session& session, const SearchNode& program) {
  Filters filters(session);
  auto loaded = co_await filters.load(program);
  if (!loaded) co_return loaded.error();
  Expansion expansion;
  expansion.program = program;
  const auto whole = filters.put_in(expansion.program);
  if (!whole) co_return whole.error();
  expansion.uses_modseq = filters.uses_modseq();
  co_return expansion;
}

}  // namespace cpm::imap
