/*
 * The functions of FreeSWITCH that mod_callprint calls. Included after our
 * switch.h they declare them; after the real one, the compiler compares.
 */
switch_status_t switch_api_execute(const char *cmd, const char *arg, switch_core_session_t *session,
                                   switch_stream_handle_t *stream);
switch_call_direction_t switch_channel_direction(switch_channel_t *channel);
void switch_channel_event_set_data(switch_channel_t *channel, switch_event_t *event);
char *switch_channel_expand_variables_check(switch_channel_t *channel, const char *in,
                                            switch_event_t *var_list, switch_event_t *api_list,
                                            uint32_t recur);
switch_caller_profile_t *switch_channel_get_caller_profile(switch_channel_t *channel);
switch_channel_state_t switch_channel_get_state(switch_channel_t *channel);
const char *switch_channel_get_variable_dup(switch_channel_t *channel, const char *varname,
                                            switch_bool_t dup, int idx);
switch_status_t switch_channel_get_variables(switch_channel_t *channel, switch_event_t **event);
switch_channel_state_t switch_channel_perform_hangup(switch_channel_t *channel, const char *file,
                                                     const char *func, int line,
                                                     switch_call_cause_t hangup_cause);
switch_status_t switch_channel_set_variable_printf(switch_channel_t *channel, const char *varname,
                                                   const char *fmt, ...);
switch_status_t switch_channel_set_variable_var_check(switch_channel_t *channel,
                                                      const char *varname, const char *value,
                                                      switch_bool_t var_check);
uint32_t switch_channel_test_flag(switch_channel_t *channel, switch_channel_flag_t flag);
switch_status_t switch_console_set_complete(const char *string);
switch_status_t switch_console_stream_raw_write(switch_stream_handle_t *handle, uint8_t *data,
                                                switch_size_t datalen);
switch_status_t switch_console_stream_write(switch_stream_handle_t *handle, const char *fmt, ...);
void *switch_core_hash_delete(switch_hash_t *hash, const char *key);
void *switch_core_hash_find(switch_hash_t *hash, const char *key);
switch_status_t switch_core_hash_init_case(switch_hash_t **hash, switch_bool_t case_sensitive);
switch_status_t switch_core_hash_insert_destructor(switch_hash_t *hash, const char *key,
                                                   const void *data,
                                                   hashtable_destructor_t destructor);
switch_status_t switch_core_media_bug_add(switch_core_session_t *session, const char *function,
                                          const char *target, switch_media_bug_callback_t callback,
                                          void *user_data, time_t stop_time,
                                          switch_media_bug_flag_t flags,
                                          switch_media_bug_t **new_bug);
switch_core_session_t *switch_core_media_bug_get_session(switch_media_bug_t *bug);
switch_status_t switch_core_media_bug_read(switch_media_bug_t *bug, switch_frame_t *frame,
                                           switch_bool_t fill);
switch_status_t switch_core_media_bug_remove_callback(switch_core_session_t *session,
                                                      switch_media_bug_callback_t callback);
switch_status_t switch_core_media_bug_transfer_callback(
    switch_core_session_t *orig_session, switch_core_session_t *new_session,
    switch_media_bug_callback_t callback,
    void *(*user_data_dup_func)(switch_core_session_t *, void *));
char *switch_core_perform_session_strdup(switch_core_session_t *session, const char *todup,
                                         const char *file, const char *func, int line);
switch_status_t switch_core_session_execute_application_async(switch_core_session_t *session,
                                                              const char *app, const char *arg);
switch_channel_t *switch_core_session_get_channel(switch_core_session_t *session);
switch_status_t switch_core_session_get_read_impl(switch_core_session_t *session,
                                                  switch_codec_implementation_t *impp);
char *switch_core_session_get_uuid(switch_core_session_t *session);
switch_status_t switch_core_session_get_write_impl(switch_core_session_t *session,
                                                   switch_codec_implementation_t *impp);
switch_core_session_t *switch_core_session_perform_locate(const char *uuid_str, const char *file,
                                                          const char *func, int line);
void switch_core_session_rwunlock(switch_core_session_t *session);
switch_status_t switch_event_add_header(switch_event_t *event, switch_stack_t stack,
                                        const char *header_name, const char *fmt, ...);
switch_status_t switch_event_add_header_string(switch_event_t *event, switch_stack_t stack,
                                               const char *header_name, const char *data);
switch_status_t switch_event_bind_removable(const char *id, switch_event_types_t event,
                                            const char *subclass_name,
                                            switch_event_callback_t callback, void *user_data,
                                            switch_event_node_t **node);
switch_status_t switch_event_create_subclass_detailed(const char *file, const char *func, int line,
                                                      switch_event_t **event,
                                                      switch_event_types_t event_id,
                                                      const char *subclass_name);
void switch_event_destroy(switch_event_t **event);
switch_status_t switch_event_fire_detailed(const char *file, const char *func, int line,
                                           switch_event_t **event, void *user_data);
void switch_event_merge(switch_event_t *event, switch_event_t *tomerge);
switch_status_t switch_ivr_session_transfer(switch_core_session_t *session, const char *extension,
                                            const char *dialplan, const char *context);
switch_status_t switch_ivr_sleep(switch_core_session_t *session, uint32_t ms, switch_bool_t sync,
                                 switch_input_args_t *args);
void *switch_loadable_module_create_interface(switch_loadable_module_interface_t *mod,
                                              switch_module_interface_name_t iname);
switch_loadable_module_interface_t *switch_loadable_module_create_module_interface(
    switch_memory_pool_t *pool, const char *name);
void switch_log_printf(switch_text_channel_t channel, const char *file, const char *func, int line,
                       const char *userdata, switch_log_level_t level, const char *fmt, ...);
switch_time_t switch_micro_time_now(void);
switch_status_t switch_mutex_init(switch_mutex_t **lock, unsigned int flags,
                                  switch_memory_pool_t *pool);
switch_status_t switch_mutex_lock(switch_mutex_t *lock);
switch_status_t switch_mutex_unlock(switch_mutex_t *lock);
switch_status_t switch_queue_create(switch_queue_t **queue, unsigned int queue_capacity,
                                    switch_memory_pool_t *pool);
switch_status_t switch_queue_pop(switch_queue_t *queue, void **data);
switch_status_t switch_queue_push(switch_queue_t *queue, void *data);
switch_status_t switch_queue_trypush(switch_queue_t *queue, void *data);
unsigned int switch_separate_string(char *buf, char delim, char **array, unsigned int arraylen);
switch_status_t switch_thread_create(switch_thread_t **new_thread, switch_threadattr_t *attr,
                                     switch_thread_start_t func, void *data,
                                     switch_memory_pool_t *cont);
switch_status_t switch_thread_join(switch_status_t *retval, switch_thread_t *thd);
switch_status_t switch_threadattr_create(switch_threadattr_t **new_attr, switch_memory_pool_t *pool);
switch_status_t switch_threadattr_stacksize_set(switch_threadattr_t *attr, switch_size_t stacksize);
const char *switch_xml_attr(switch_xml_t xml, const char *attr);
const char *switch_xml_attr_soft(switch_xml_t xml, const char *attr);
switch_xml_t switch_xml_child(switch_xml_t xml, const char *name);
void switch_xml_config_cleanup(switch_xml_config_item_t *instructions);
switch_status_t switch_xml_config_parse_module_settings(const char *file, switch_bool_t reload,
                                                        switch_xml_config_item_t *instructions);
void switch_xml_free(switch_xml_t xml);
switch_xml_t switch_xml_open_cfg(const char *file_path, switch_xml_t *node, switch_event_t *params);
void cJSON_Delete(cJSON *c);
cJSON *cJSON_GetObjectItem(const cJSON *const object, const char *const string);
cJSON *cJSON_Parse(const char *value);
char *cJSON_Print(const cJSON *item);
