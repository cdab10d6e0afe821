#include "imap/registry.h"

#include "imap/session/session.h"

#include <algorithm>
#include <set>

namespace cpm::imap {

namespace {

template <class Table, class Specs>
std::optional<std::string> add_all(Table& table, const Specs& specs) {
  for (const auto& spec : specs) {
    if (!table.emplace(wire::upper(spec.name), &spec).second) return std::string(spec.name);
  }
  return std::nullopt;
}

template <class Table>
auto find(const Table& table, std::string_view name) {
  const auto at = table.find(name);
  return at == table.end() ? nullptr : at->second;
}

}  // namespace

Result<Registry> Registry::build(const std::vector<std::string>& disabled) {
  Registry registry;
  std::set<std::string, std::less<>> names;
  for (const DescribeRow& row : describe_table()) {
    Extension extension = row.describe();
    names.insert(extension.name);
    if (std::find(disabled.begin(), disabled.end(), extension.name) != disabled.end()) continue;
    registry.extensions_.push_back(std::move(extension));
  }
  for (const std::string& name : disabled) {
    if (!names.contains(name)) return fail(Failure::invalid, "imap.disable names an unknown extension: " + name);
  }
  for (const Extension& extension : registry.extensions_) {
    for (const std::string& needed : extension.requires_names) {
      if (!registry.has(needed)) {
        return fail(Failure::invalid, "extension " + extension.name + " needs " + needed + ", which is switched off");
      }
    }
    std::optional<std::string> clash = add_all(registry.commands_, extension.commands);
    if (!clash) clash = add_all(registry.status_items_, extension.status_items);
    if (!clash) clash = add_all(registry.fetch_items_, extension.fetch_items);
    if (!clash) clash = add_all(registry.search_keys_, extension.search_keys);
    if (!clash) clash = add_all(registry.enables_, extension.enables);
    if (!clash) clash = add_all(registry.select_parameters_, extension.select_parameters);
    if (clash) return fail(Failure::internal, "two extensions define " + *clash + ", one is " + extension.name);
  }
  return registry;
}

const CommandSpec* Registry::command(std::string_view name) const { return find(commands_, name); }
const StatusItemSpec* Registry::status_item(std::string_view name) const { return find(status_items_, name); }
const FetchItemSpec* Registry::fetch_item(std::string_view name) const { return find(fetch_items_, name); }
const SearchKeySpec* Registry::search_key(std::string_view name) const { return find(search_keys_, name); }
const EnableSpec* Registry::enable(std::string_view name) const { return find(enables_, name); }
const SelectParameterSpec* Registry::select_parameter(std::string_view name) const {
  return find(select_parameters_, name);
}

std::vector<const MetadataRuleSpec*> Registry::metadata_rules() const {
  std::vector<const MetadataRuleSpec*> rules;
  for (const Extension& extension : extensions_) {
    for (const MetadataRuleSpec& rule : extension.metadata_rules) rules.push_back(&rule);
  }
  return rules;
}

std::vector<const MetadataValuesSpec*> Registry::metadata_values() const {
  std::vector<const MetadataValuesSpec*> values;
  for (const Extension& extension : extensions_) {
    for (const MetadataValuesSpec& one : extension.metadata_values) values.push_back(&one);
  }
  return values;
}

bool Registry::has(std::string_view extension) const {
  return std::any_of(extensions_.begin(), extensions_.end(),
                     [&](const Extension& one) { return one.name == extension; });
}

std::string Registry::capabilities(const Session& session) const {
  std::vector<std::string> names;
  for (const Extension& extension : extensions_) {
    for (const CapabilitySpec& capability : extension.capabilities) {
      if (capability.shown && !capability.shown(session)) continue;
      names.push_back(capability.text ? capability.text(session) : capability.name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  // IMAP4rev1 first: the base before what extends it.
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name.starts_with("IMAP4rev"); });
  std::string all;
  for (const std::string& name : names) {
    if (!all.empty()) all += ' ';
    all += name;
  }
  return all;
}

}  // namespace cpm::imap
