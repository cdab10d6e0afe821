// Registry: the immutable union of all Extension records, built once at start. Commands, capabilities, STATUS and
// FETCH items, SEARCH keys and ENABLE names are looked up here and nowhere else.
// Runs on: build at start; look-ups on any thread.
#pragma once

#include "base/result.h"
#include "imap/extension.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap {

struct DescribeRow {
  const char* file;
  Extension (*describe)();
};
[[nodiscard]] const std::vector<DescribeRow>& describe_table();  // generated

class Registry {
 public:
  // `disabled`: extension names switched off by configuration. Fails on a clash, an unknown name in
  // `disabled` or a missing requirement.
  [[nodiscard]] static Result<Registry> build(const std::vector<std::string>& disabled);

  [[nodiscard]] const CommandSpec* command(std::string_view upper_name) const;
  [[nodiscard]] const StatusItemSpec* status_item(std::string_view upper_name) const;
  [[nodiscard]] const FetchItemSpec* fetch_item(std::string_view upper_name) const;
  [[nodiscard]] const SearchKeySpec* search_key(std::string_view upper_name) const;
  [[nodiscard]] const EnableSpec* enable(std::string_view upper_name) const;
  [[nodiscard]] const SelectParameterSpec* select_parameter(std::string_view upper_name) const;
  [[nodiscard]] std::vector<const MetadataRuleSpec*> metadata_rules() const;
  [[nodiscard]] std::vector<const MetadataValuesSpec*> metadata_values() const;
  [[nodiscard]] bool has(std::string_view extension) const;

  // "IMAP4rev1 IDLE …" as this session sees it now.
  [[nodiscard]] std::string capabilities(const Session& session) const;
  [[nodiscard]] const std::vector<Extension>& extensions() const { return extensions_; }

 private:
  template <class Spec>
  using Table = std::map<std::string, const Spec*, std::less<>>;

  std::vector<Extension> extensions_;  // the tables point into it; never changed after build
  Table<CommandSpec> commands_;
  Table<StatusItemSpec> status_items_;
  Table<FetchItemSpec> fetch_items_;
  Table<SearchKeySpec> search_keys_;
  Table<EnableSpec> enables_;
  Table<SelectParameterSpec> select_parameters_;
};

// docs/rfc-coverage.md, from the records and the transcripts present (`folder` = tests/scripts).
[[nodiscard]] std::string rfc_coverage(const Registry& registry, const std::string& folder);

}  // namespace cpm::imap
